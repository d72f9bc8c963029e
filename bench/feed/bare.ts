import { EventName, IBApi } from '@stoqey/ib';

/** The client library alone: `bare.ts PORT CONID...` streams these contracts and does nothing with what comes. */
const [port, ...conIds] = process.argv.slice(2).map(Number);
const api = new IBApi({ host: '127.0.0.1', port: port ?? 0, clientId: 7, maxReqPerSec: 40 });
api.on(EventName.nextValidId, () => {
  for (const [index, conId] of conIds.entries()) {
    api.reqMktData(index + 1, { conId, exchange: 'SMART' }, '', false, false);
  }
});
for (const name of [EventName.tickPrice, EventName.tickSize, EventName.tickOptionComputation]) {
  api.on(name as never, (() => {}) as never);
}
api.connect();
