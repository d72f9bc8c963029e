import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { settingsSchema } from '../../bridge/settings-schema.ts';
import { createProgram } from '../../cli/program.ts';
import { reportOf } from '../../cli/report.ts';
import { DEFAULT_STATUS_URL } from '../../cli/target.ts';

/** Runs a command line in this process; none of them gets as far as to touch anything. */
async function run(
  ...argv: string[]
): Promise<{ printed: string; line: string | undefined; exitCode: number }> {
  const program = await createProgram(argv);
  let printed = '';
  const write = (text: string) => {
    printed += text;
  };
  everyCommand(program, (each) => each.configureOutput({ writeOut: write, writeErr: write }));
  const thrown = await program.parseAsync(argv, { from: 'user' }).catch((error: unknown) => error);
  const { line, exitCode } = reportOf(
    thrown,
    program.commands.find((each) => each.name() === argv[0])?.name(),
  );
  return { printed, line, exitCode };
}

function everyCommand(command: Command, visit: (command: Command) => void): void {
  visit(command);
  for (const child of command.commands) everyCommand(child, visit);
}

describe('the program', () => {
  it.each([
    [
      ['--help'],
      [
        'local',
        'bridge',
        'gateway',
        'record',
        'registry',
        'positions',
        'lines',
        'query',
        'verify',
        'audit',
        'dlq',
        'certs',
        'Exit codes',
      ],
    ],
    [
      ['registry', '--help'],
      ['list', 'show', 'put', 'activate', 'deactivate', 'close', 'Examples'],
    ],
    [
      ['registry', 'put', '--help'],
      ['--expect-version', '"legs"'],
    ],
    [
      ['registry', 'show', '--help'],
      ['--history', '--json'],
    ],
    [
      ['positions', '--help'],
      ['OVER-ASSIGNED', '--show-accounts'],
    ],
    [
      ['lines', '--help'],
      ['confirmed', 'explain', DEFAULT_STATUS_URL],
    ],
    [
      ['lines', 'explain', '--help'],
      ['conId', '--json', '--state-dir', 'Examples'],
    ],
    [
      ['query', '--help'],
      ['snapshots', 'conflicts', '--csv'],
    ],
    [
      ['dashboard', '--help'],
      ['--out', 'UTC', 'Examples'],
    ],
    [
      ['verify', '--help'],
      ['17:00 Chicago', 'unknown tail', 'exit codes', 'Examples'],
    ],
    [
      ['audit', '--help'],
      ['--con-id', '17:00 Chicago', 'QUEUED', 'Examples'],
    ],
    [
      ['dlq', '--help'],
      ['list', 'show', 'redrive', 'safe to repeat', 'Examples'],
    ],
    [
      ['certs', '--help'],
      ['init', 'issue', 'renew', 'aws_signing_helper', 'Examples'],
    ],
    [
      ['local', '--help'],
      ['--flips', '--fresh'],
    ],
    [
      ['bridge', '--help'],
      ['Usage: slotwise bridge', 'SLOTWISE_'],
    ],
    [
      ['gateway', '--help'],
      ['--port', '--seed'],
    ],
    [
      ['record', '--help'],
      ['--gateway', '--exact', 'sends no order'],
    ],
  ])('%j explains itself', async (argv, words) => {
    const { printed, exitCode } = await run(...argv);
    for (const word of words) expect(printed).toContain(word);
    expect(exitCode).toBe(0);
  });

  it.each([
    [['nix'], "unknown command 'nix': see slotwise --help"],
    [['registry', 'lst'], 'Did you mean list?): see slotwise registry --help'],
    [['registry', 'show'], "missing required argument 'id': see slotwise registry --help"],
    [['registry', 'close'], "missing required argument 'id'"],
    [['registry', 'close', 'a', '--expect-version', 'x'], 'must be a whole number'],
    [['registry', 'close', 'a', 'b', '--expect-version', '1'], '--expect-version is for one strategy'],
    [['registry', 'put', 'nix.json'], 'nix.json cannot be read'],
    [['query', 'select 1', '--json', '--csv'], 'cannot be used with'],
    [['query'], "missing required argument 'sql'"],
    [['positions', '--dir', 'a', '--outputs', 'b'], 'name two places'],
    [['lines', '--status-url', 'nix'], 'is no URL'],
    [['lines', 'explain'], "missing required argument 'conId|strategy'"],
    [['lines', 'explain', 'a', '--status-url', 'nix'], 'is no URL'],
    [['lines', '--status-url', 'nix', 'explain', 'a'], 'is no URL'],
    [['lines', 'a'], 'see slotwise lines --help'],
    [['certs', 'issue'], "missing required argument 'bridge'"],
    [['local', '--nix'], "unknown option '--nix': see slotwise local --help"],
    [['record'], "required option '--gateway <host:port>' not specified"],
    [['record', '--gateway', 'nix'], 'must be HOST:PORT'],
    [['gateway', '--nix'], "unknown option '--nix': see slotwise gateway --help"],
  ])('%j is refused in one line that says why', async (argv, text) => {
    const { printed, line, exitCode } = await run(...argv);
    expect(printed).toBe('');
    expect(line).toContain(text);
    expect(line).not.toContain('\n');
    expect(exitCode).toBe(2);
  });

  it('prints its help in place of an error when it is given nothing to do', async () => {
    expect(await run()).toMatchObject({ printed: expect.stringContaining('Usage: slotwise'), exitCode: 2 });
    expect(await run('registry')).toMatchObject({ line: undefined, exitCode: 2 });
  });

  it('asks a bridge where one listens unless its settings say otherwise', () => {
    const { port } = settingsSchema.shape.status.parse(undefined);
    expect(DEFAULT_STATUS_URL).toBe(`http://127.0.0.1:${port}`);
  });
});
