import type { FaultOf } from './faults.ts';
import type { LineInUse } from './market-data.ts';
import type { Session } from './session.ts';

/** Sends what a client cannot read, each in a form of its own. */
export function corruption(
  form: FaultOf<'corrupt'>['form'],
  session: Session,
  lines: readonly LineInUse[],
): void {
  const reqId = lines.find(({ client }) => client === session)?.reqId ?? 1;
  switch (form) {
    case 'unknown-message':
      session.send([[999, 1, 'no client knows this']]);
      break;
    case 'text-for-number':
      session.send([[1, 6, reqId, 1, 'not-a-price', 'not-a-size', 0]]);
      break;
    case 'short-position':
      session.send([[61, 3, 'DU0000000', 1]]);
      break;
    case 'bad-json':
      // Where a client expects the JSON of advancedOrderReject, known since version 166.
      session.send([[4, 2, -1, 2104, 'Market data farm connection is OK:usfarm', '{not json']]);
      break;
    case 'negative-length':
      session.sendBytes(Buffer.from([0xff, 0xff, 0xff, 0xff]));
      break;
    default:
      form satisfies never;
  }
}
