import { describe, expect, it } from 'vitest';
import { CommandFailure, describeFailure, EXIT } from '../../cli/failure.ts';
import { InvalidStrategy, StaleVersion, UnknownStrategy } from '../../cli/registry/errors.ts';
import { strategy } from '../support/strategies.ts';

function named(name: string, message: string, fields: object = {}): Error {
  return Object.assign(new Error(message), { name }, fields);
}

describe('a failure at the terminal', () => {
  it.each([
    [new CommandFailure(EXIT.noTarget, 'nothing here: start it'), 3, 'nothing here: start it'],
    [new StaleVersion('a', 1, strategy({ version: 2 })), 4, /expected version 1, but it is at 2: look at/],
    [new InvalidStrategy('priority: too high'), 2, /priority: too high: mend/],
    [new UnknownStrategy('a'), 2, /no strategy "a": see `slotwise registry list/],
    [named('CredentialsProviderError', 'long story'), 1, /no AWS credentials were found: set AWS_PROFILE/],
    [named('ExpiredTokenException', 'x'), 1, /have expired: sign in again/],
    [named('AccessDeniedException', 'not authorized to Scan'), 1, /not authorized to Scan: use credentials/],
    [named('ResourceNotFoundException', 'x'), 1, /no such table or bucket.*outputs/],
    [named('Error', 'connect', { code: 'ECONNREFUSED' }), 1, /cannot reach AWS \(ECONNREFUSED\): check/],
    [named('AbortError', 'This operation was aborted'), 130, 'interrupted'],
    [named('LocalFault', 'a port is taken', { exitCode: 2 }), 2, 'a port is taken'],
    [new Error('first\n  second'), 1, 'first second'],
    ['thrown text', 1, 'thrown text'],
  ])('of %s has one line and its code', (error, exitCode, line) => {
    const failure = describeFailure(error);
    expect(failure.exitCode).toBe(exitCode);
    expect(failure.line).toMatch(line);
    expect(failure.line).not.toContain('\n');
  });
});
