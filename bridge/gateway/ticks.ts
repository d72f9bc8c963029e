import { decodeGreeks, decodePrice, decodeSize } from './decode.ts';
import type { LineEvent } from './events.ts';
import { asciiFieldsOf, messageIdOf } from './frames.ts';

/**
 * The messages that are nearly all of a day's traffic, read without the client library: it takes each of them apart
 * twice and emits it three times, which is most of what a feed of thousands of messages a second costs.
 * https://github.com/InteractiveBrokers/tws-api (decoder.py), server version 156 and later
 */

const TICK_PRICE = 1;
const TICK_SIZE = 2;
const TICK_OPTION_COMPUTATION = 21;
const TICK_GENERIC = 45;
const TICK_STRING = 46;

/** @returns undefined for every other message, and for one that is too short: the library says what is wrong with it */
export function readTick(frame: Buffer, at: number): LineEvent | undefined {
  switch (messageIdOf(frame)) {
    case TICK_PRICE: {
      // 1, version, reqId, tick type, price, size, attributes
      const [, , id, type, price, size] = asciiFieldsOf(frame);
      if (size === undefined) return undefined;
      const reqId = numberOf(id);
      const tick = decodePrice(numberOf(type), numberOf(price));
      return tick === undefined
        ? { type: 'pulse', at, reqId }
        : { type: 'price', at, reqId, field: tick.field, price: tick.price };
    }
    case TICK_SIZE: {
      // 2, version, reqId, tick type, size
      const [, , id, type, size] = asciiFieldsOf(frame);
      if (size === undefined) return undefined;
      const reqId = numberOf(id);
      const tick = decodeSize(numberOf(type), numberOf(size));
      return tick === undefined
        ? { type: 'pulse', at, reqId }
        : { type: 'size', at, reqId, field: tick.field, size: tick.size };
    }
    case TICK_OPTION_COMPUTATION: {
      // 21, reqId, tick type, attributes, iv, delta, price, present value of dividends, gamma, vega, theta, underlying
      const [, id, type, , iv, delta, price, , gamma, vega, theta, underlying] = asciiFieldsOf(frame);
      if (underlying === undefined) return undefined;
      const reqId = numberOf(id);
      const tick = decodeGreeks(numberOf(type), {
        iv: numberOf(iv),
        delta: numberOf(delta),
        price: numberOf(price),
        gamma: numberOf(gamma),
        vega: numberOf(vega),
        theta: numberOf(theta),
        underlying: numberOf(underlying),
      });
      return tick === undefined
        ? { type: 'pulse', at, reqId }
        : { type: 'greeks', at, reqId, source: tick.source, greeks: tick.greeks };
    }
    case TICK_GENERIC:
    case TICK_STRING: {
      // 45 or 46, version, reqId, tick type, value
      const [, , id, type] = asciiFieldsOf(frame);
      return type === undefined ? undefined : { type: 'pulse', at, reqId: numberOf(id) };
    }
    default:
      return undefined;
  }
}

/** An empty field is 0, as in the broker's own clients; NaN where there is text. */
function numberOf(field: string | undefined): number {
  return field === undefined || field === '' ? 0 : Number.parseFloat(field);
}
