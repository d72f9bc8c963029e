import { describe, expect, it } from 'vitest';
import type { RequestMeaning } from '../../../bridge/gateway/events.ts';
import { classify, isKnownCode } from '../../../bridge/gateway/notices.ts';

const REQUEST_CODES: Readonly<Record<RequestMeaning, readonly number[]>> = {
  'no-line': [101],
  shed: [100, 309, 420, 504, 10182, 10190, 10225],
  refused: [102, 200, 320, 321, 322, 414, 430, 435],
  'no-permission': [354, 10089, 10091, 10168, 10186, 10187, 10189],
  'competing-session': [10197],
  harmless: [300, 310, 366, 10090, 10167],
};

describe('a code on a request of its own', () => {
  for (const [meaning, codes] of Object.entries(REQUEST_CODES)) {
    for (const code of codes) {
      it(`${code} means ${meaning}`, () => {
        expect(classify({ code, message: 'text', reqId: 7 })).toEqual({ kind: 'request', meaning });
        expect(isKnownCode(code)).toBe(true);
      });
    }
  }
});

describe('a code about link and farms', () => {
  it.each([
    [1100, { kind: 'linkDown' }],
    [2110, { kind: 'linkDown' }],
    [1101, { kind: 'linkUp', linesKept: false }],
    [1102, { kind: 'linkUp', linesKept: true }],
  ])('%i', (code, notice) => {
    expect(classify({ code, message: 'Connectivity between IB and the TWS ...' })).toEqual(notice);
    expect(isKnownCode(code)).toBe(true);
  });

  it.each([
    [2103, false, 'Market data farm connection is broken:usfarm', 'usfarm'],
    [2104, true, 'Market data farm connection is OK:usfarm.nj', 'usfarm.nj'],
    [2105, false, 'HMDS data farm connection is broken:cashhmds', 'cashhmds'],
    [2106, true, 'HMDS data farm connection is OK:ushmds', 'ushmds'],
    [2157, false, 'Sec-def data farm connection is broken:secdefeu', 'secdefeu'],
    [2158, true, 'Sec-def data farm connection is OK', 'unnamed'],
  ])('%i says up %s of the farm it names', (code, up, message, farm) => {
    expect(classify({ code, message })).toEqual({ kind: 'farm', up, farm });
    expect(isKnownCode(code)).toBe(true);
  });

  it.each([2107, 2108, 2119])('%i needs nothing', (code) => {
    expect(classify({ code, message: 'inactive but should be available upon demand' })).toEqual({
      kind: 'information',
    });
    expect(isKnownCode(code)).toBe(true);
  });
});

describe('a code that ends an attempt or a session', () => {
  it.each([
    [326, 'client-id-in-use'],
    [503, 'version'],
    [506, 'version'],
    [504, 'socket'],
    [507, 'socket'],
    [509, 'socket'],
    [1300, 'port-moved'],
  ])('%i is %s', (code, kind) => {
    expect(classify({ code, message: 'text' })).toMatchObject({ kind: 'session', fault: { kind } });
    expect(isKnownCode(code)).toBe(true);
  });

  it.each([
    [
      'TWS socket port has been reset and this connection is being dropped. Please reconnect on the new port - 4005',
      4005,
    ],
    [
      'TWS socket port has been reset and this connection is being dropped. Please reconnect on the new port – 7496.',
      7496,
    ],
    [
      'TWS socket port has been reset and this connection is being dropped. Please reconnect on the new port',
      undefined,
    ],
    ['reconnect on the new port - 70000', undefined],
  ])('1300 says where to go: %s', (message, port) => {
    const notice = classify({ code: 1300, message });
    expect(notice).toEqual({
      kind: 'session',
      fault: { kind: 'port-moved', detail: message, ...(port === undefined ? {} : { port }) },
    });
  });
});

describe('what has no request', () => {
  it('100 slows the whole session down', () => {
    expect(classify({ code: 100, message: 'Max rate of messages per second has been exceeded.' })).toEqual({
      kind: 'pacing',
    });
  });

  it.each([2100, 2101])('%i ends the subscription of account updates', (code) => {
    expect(classify({ code, message: 'API client has been unsubscribed' })).toEqual({ kind: 'portfolio' });
  });

  it('a position row that the library could not read is told apart from other unreadable messages', () => {
    const text = 'Underrun error on POSITION: End of message reached. Please report';
    expect(classify({ code: 505, message: text })).toEqual({ kind: 'unreadable', list: 'positions' });
    const holding = 'Underrun error on PORTFOLIO_VALUE: End of message reached. Please report';
    expect(classify({ code: 505, message: holding })).toEqual({ kind: 'unreadable', list: 'portfolio' });
    const end = 'Underrun error on POSITION_END: End of message reached. Please report';
    expect(classify({ code: 505, message: end })).toEqual({ kind: 'unreadable' });
  });

  it.each([321, 2137, 9999])('%i is a line in the log', (code) => {
    expect(classify({ code, message: 'text' })).toEqual({ kind: 'information' });
  });
});

it('every code that concerns lines, positions, link and session has its place in the table', () => {
  const groups = {
    'shed or back off': [100, 101, 309, 420, 10190],
    'ends its request': [102, 200, 321, 322, 354, 430, 435, 10089, 10091, 10168, 10186, 10189],
    'needs nothing': [300, 2104, 2106, 2107, 2108, 2119, 2158, 10090, 10167],
    'link or farm down': [1100, 2103, 2105, 2110, 2157],
    'link up': [1101, 1102],
    'ends the session or the attempt': [326, 502, 504, 507, 1300],
    'another session has the data': [10197],
  };
  expect(
    Object.values(groups)
      .flat()
      .filter((code) => !isKnownCode(code)),
  ).toEqual([]);
});

describe('a code that the table does not have', () => {
  it.each([
    [203, 'The security is not available or allowed for this account', 'refused'],
    [10299, 'Expected what to show is ...', 'refused'],
    [20001, 'something new', 'refused'],
    [2109, 'Order Event Warning', 'harmless'],
    [1234, 'a system message', 'harmless'],
    [399, 'Warning: your order will not be placed', 'harmless'],
    [510, 'Request Market Data Sending Error', 'shed'],
  ])('%i (%s) on a request means %s', (code, message, meaning) => {
    expect(isKnownCode(code)).toBe(false);
    expect(classify({ code, message, reqId: 7 })).toEqual({ kind: 'request', meaning });
  });
});
