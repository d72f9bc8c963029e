import { CreateQueueCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { marshall } from '@aws-sdk/util-dynamodb';
import type { AttributeValue, DynamoDBRecord } from 'aws-lambda';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { feed } from '../../../functions/feed/feed.ts';
import { decodeFeedMessage } from '../../../shared/feed.ts';
import { REGISTRY } from '../../../shared/names.ts';
import type { Strategy } from '../../../shared/strategy.ts';
import { startServices, type TestServices } from '../../support/services.ts';
import { strategy } from '../../support/strategies.ts';

let services: TestServices;
let queueUrls: string[];
let count = 0;

beforeAll(async () => {
  services = await startServices();
});

afterAll(async () => {
  await services[Symbol.asyncDispose]();
});

beforeEach(async () => {
  services.refuse('sqs', undefined);
  count += 1;
  queueUrls = [];
  for (const bridge of ['home', 'cloud']) {
    const QueueName = `feed-${bridge}-${count}`;
    const { QueueUrl = '' } = await services.clients.sqs.send(new CreateQueueCommand({ QueueName }));
    queueUrls.push(QueueUrl);
  }
});

describe('feed', () => {
  it('sends the full image of a strategy to every bridge', async () => {
    const image = strategy({ tags: ['weekly'], rolledFrom: ['older'], priority: 3 });
    const outcome = await run([strategyRecord('1', image)]);
    expect(outcome).toEqual({ failures: [], sent: 1, ignored: 0 });
    for (const url of queueUrls) expect(await received(url)).toEqual([image]);
  });

  it('ignores head, history and removals', async () => {
    const outcome = await run([
      recordOf('1', { pk: REGISTRY.head, sk: REGISTRY.head, head: 1 }),
      recordOf('2', { pk: REGISTRY.history('condor'), sk: REGISTRY.historySort(1), ...strategy() }),
      { eventName: 'REMOVE', dynamodb: { SequenceNumber: '3' } },
    ]);
    expect(outcome).toEqual({ failures: [], sent: 0, ignored: 3 });
    for (const url of queueUrls) expect(await received(url)).toEqual([]);
  });

  it('sends more than one request can carry', async () => {
    const images = Array.from({ length: 23 }, (_, index) =>
      strategy({ id: `s${index}`, registryVersion: index + 1 }),
    );
    const outcome = await run(images.map((image, index) => strategyRecord(String(index), image)));
    expect(outcome).toMatchObject({ failures: [], sent: 23 });
    for (const url of queueUrls) {
      const ids = (await received(url)).map(({ id }) => id);
      expect(new Set(ids)).toEqual(new Set(images.map(({ id }) => id)));
    }
  });

  it('reports a poison image alone, and sends what stands behind it', async () => {
    const poison = { ...strategy({ id: 'bad' }), legs: 'none' };
    const outcome = await run([
      strategyRecord('10', strategy({ id: 'a' })),
      strategyRecord('11', poison),
      strategyRecord('12', strategy({ id: 'b' })),
    ]);
    expect(outcome.failures).toMatchObject([{ sequenceNumber: '11' }]);
    expect(outcome.failures[0]?.cause).toMatch(/^strategy bad: legs/);
    for (const url of queueUrls) expect((await received(url)).map(({ id }) => id).sort()).toEqual(['a', 'b']);
  });

  it('reports the records that one bridge did not get, though the other one did', async () => {
    services.refuse('sqs', ({ body }) => body.includes(`feed-cloud-${count}`));
    const outcome = await run([
      strategyRecord('5', strategy({ id: 'a' })),
      strategyRecord('6', strategy({ id: 'b' })),
    ]);
    services.refuse('sqs', undefined);
    expect(outcome.failures.map(({ sequenceNumber }) => sequenceNumber)).toEqual(['5', '6']);
    expect(outcome.failures[0]?.cause).toContain(`feed-cloud-${count}`);
    expect((await received(queueUrls[0])).map(({ id }) => id).sort()).toEqual(['a', 'b']);
  });
});

function run(records: readonly DynamoDBRecord[]) {
  return feed({ records, queueUrls, sqs: services.clients.sqs });
}

function strategyRecord(sequenceNumber: string, image: object): DynamoDBRecord {
  const sk = 'id' in image ? String(image.id) : '';
  return recordOf(sequenceNumber, { pk: REGISTRY.strategy, sk, ...image });
}

function recordOf(SequenceNumber: string, item: object): DynamoDBRecord {
  const NewImage = marshall(item) as Record<string, AttributeValue>;
  return { eventName: 'MODIFY', dynamodb: { SequenceNumber, NewImage } };
}

async function received(QueueUrl: string | undefined): Promise<Strategy[]> {
  const strategies: Strategy[] = [];
  for (;;) {
    const { Messages = [] } = await services.clients.sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 600 }),
    );
    if (Messages.length === 0) return strategies;
    for (const { Body = '' } of Messages) {
      const decoded = decodeFeedMessage(Body);
      if (!decoded.ok) throw new Error(decoded.fault);
      strategies.push(decoded.message.strategy);
    }
  }
}
