import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { Connection } from '../../../local/gateway/connection.ts';
import { StandingFaults } from '../../../local/gateway/standing-faults.ts';
import { eventually } from '../../support/eventually.ts';

describe('a connection', () => {
  it('closes when it is reset in the moment in which its client leaves', async () => {
    // Node never closes a socket that is reset while it shuts down (EINVAL): the process spun and did not end.
    await using server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const client = connect(typeof address === 'object' ? (address?.port ?? 0) : 0, '127.0.0.1');
    const [socket] = (await once(server, 'connection')) as [Socket];
    let isClosed = false;
    const connection = new Connection(socket, {
      ownVersion: 193,
      faults: new StandingFaults(),
      onFrame: () => {},
      onClose: () => {
        isClosed = true;
      },
    });
    connection.start();
    // By then Node has begun to end its own side, and has not finished.
    socket.on('end', () => process.nextTick(() => process.nextTick(() => connection.reset())));
    client.end();
    await eventually(() => isClosed, { what: 'onClose', deadlineMs: 2000 });
    expect(socket.destroyed).toBe(true);
  });
});
