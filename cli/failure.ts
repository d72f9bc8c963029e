import { InvalidStrategy, StaleVersion, UnknownStrategy } from './registry/errors.ts';

/** Exit codes of every command, as `slotwise --help` lists them. */
export const EXIT = {
  ok: 0,
  /** It was tried and did not work. */
  failed: 1,
  /** The command line or a file given to it is wrong: nothing was tried. */
  usage: 2,
  /** No answer, because there is nothing to work on: no local run, no outputs file, no bridge. */
  noTarget: 3,
  /** No answer yet: `verify` cannot decide. To a script it is one thing with noTarget: neither good nor bad. */
  undecided: 3,
  /** A registry change was refused because somebody else changed the strategy first. */
  stale: 4,
  /** 128 + SIGINT, as shells have it. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What ends a command: one line with its remedy for a person, a code for a script. */
export class CommandFailure extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CommandFailure';
    this.exitCode = exitCode;
  }
}

/**
 * Decides in one place what an error says at the terminal.
 * @returns one line, and the code to exit with
 */
export function describeFailure(error: unknown): { readonly line: string; readonly exitCode: number } {
  if (!(error instanceof Error)) return { line: String(error), exitCode: EXIT.failed };
  if (error.name === 'AbortError') return { line: 'interrupted', exitCode: EXIT.interrupted };
  const { exitCode, remedy } = error as { exitCode?: unknown; remedy?: unknown };
  const cause = awsRemedy(error);
  const text = cause?.message ?? error.message;
  const advice = cause?.remedy ?? (typeof remedy === 'string' ? remedy : undefined);
  return {
    line: oneLine(advice === undefined ? text : `${text}: ${advice}`),
    exitCode: typeof exitCode === 'number' ? exitCode : registryExitCode(error),
  };
}

function registryExitCode(error: Error): ExitCode {
  if (error instanceof StaleVersion) return EXIT.stale;
  if (error instanceof InvalidStrategy || error instanceof UnknownStrategy) return EXIT.usage;
  return EXIT.failed;
}

function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, ' ');
}

/** https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html and the services' common errors */
function awsRemedy(error: Error): { readonly message: string; readonly remedy: string } | undefined {
  const code = networkCode(error);
  switch (error.name) {
    case 'CredentialsProviderError':
      return {
        message: 'no AWS credentials were found',
        remedy: 'set AWS_PROFILE or AWS_ACCESS_KEY_ID, or run `aws configure`',
      };
    case 'ExpiredToken':
    case 'ExpiredTokenException':
      return {
        message: 'the AWS credentials have expired',
        remedy: 'sign in again, for example `aws sso login`',
      };
    case 'AccessDenied':
    case 'AccessDeniedException':
      return {
        message: error.message,
        remedy: 'use credentials that may read the tables and the lake bucket',
      };
    case 'ResourceNotFoundException':
    case 'NoSuchBucket':
      return {
        message: `AWS has no such table or bucket (${error.name})`,
        remedy: 'check that the outputs file is of this account and region: deploy again with --outputs-file',
      };
    default:
      if (code === undefined) return undefined;
      return {
        message: `cannot reach AWS (${code})`,
        remedy: 'check the network, the region and the endpoint',
      };
  }
}

function networkCode(error: Error): string | undefined {
  const { code } = error as { code?: unknown };
  const codes = ['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT'];
  return typeof code === 'string' && codes.includes(code) ? code : undefined;
}
