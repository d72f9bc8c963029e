import type { Drop, Ledger } from '../../shared/message.ts';
import { LAKE, utcDay } from '../../shared/names.ts';

const SEQ_DIGITS = 16;

/**
 * Where a ledger or a drop is kept: `ledger/v1/dt=<day>/<bridge>/<kind>-<epoch>-...json`. The key says what the
 * message says, its time aside, so that one that is sent again finds itself there. Of the cumulative ledgers of an
 * epoch and day the last in text order is the newest. The command line reads the parts of the key (cli/verify).
 */
export function declarationKey(message: Ledger | Drop): string {
  const { kind, bridge, epoch } = message;
  const first = digits(message.first);
  const last = digits(message.last);
  switch (message.kind) {
    case 'ledger': {
      const acknowledged = digits(message.acknowledged ?? 0);
      const name = [kind, epoch, last, digits(message.count), first, acknowledged, message.digest].join('-');
      return `${LAKE.ledger}dt=${message.day}/${bridge}/${name}.json`;
    }
    case 'drop':
      return `${LAKE.ledger}dt=${utcDay(message.at)}/${bridge}/${kind}-${epoch}-${first}-${last}.json`;
    default:
      return message satisfies never;
  }
}

function digits(seq: number): string {
  return String(seq).padStart(SEQ_DIGITS, '0');
}
