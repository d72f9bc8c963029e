import { farmNotice } from '../farms.ts';
import type { FaultInput } from '../faults.ts';
import { type Scenario, scenarioSchema } from '../scenario.ts';
import type { Disguise } from './disguise.ts';
import type { Happening, Observed } from './observed.ts';

type Step = {
  readonly after: 'start' | 'ready';
  readonly nth?: number;
  readonly atMs?: number;
  readonly fault: FaultInput;
  readonly forMs?: number;
};
type Of<T extends Happening['type']> = Extract<Happening, { type: T }>;

/** What a session says of its farms within this time of its beginning is how it begins. */
const GREETING_MS = 2000;
/** A connection that is away for longer was a restart. */
const RESTART_MS = 3000;
/** A list this much shorter than it is later on was still loading. */
const LOADED_SHARE = 0.9;
/** What ends with its session ends after it. */
const MARGIN_MS = 100;
const STEPS_MAX = 10_000;

const CLIENT_ID_IN_USE = 326;

/** One session of the recording: what happened from its beginning to the next one's. */
interface Session {
  /** Counted from 1, as scenarios do. */
  readonly nth: number;
  readonly readyMs: number;
  readonly happenings: readonly Happening[];
}

/**
 * A scenario of what was seen, its times counted from the beginning of each session. What cannot be told by a fault
 * is told by its message alone.
 */
export function scenarioOf(
  observed: Observed,
  options: { readonly name: string; readonly disguise: Disguise },
): Scenario {
  const { disguise, name } = options;
  const sessions = sessionsOf(observed.happenings);
  const greeting = greetingOf(sessions[0]);
  const said = new Set(greeting.map(keyOf));
  const steps: Step[] = [
    {
      after: 'start',
      fault: {
        kind: 'greeting',
        notices: greeting.map(({ code, text }) => ({ code, text: disguise.text(text) })),
      },
    },
    ...standing(observed),
    ...refusals(observed, disguise),
    ...sessions.flatMap((session, index) => [
      ...messageSteps(session, said, disguise),
      ...loadingSteps(session),
      ...quietSteps(session),
      ...departure(session, sessions[index + 1]),
    ]),
  ];
  return scenarioSchema.parse({ name, steps: steps.slice(0, STEPS_MAX) });
}

function sessionsOf(happenings: readonly Happening[]): Session[] {
  const starts = happenings.flatMap(({ type }, index) => (type === 'ready' ? [index] : []));
  return starts.map((start, index) => ({
    nth: index + 1,
    readyMs: happenings[start]?.atMs ?? 0,
    happenings: happenings.slice(start + 1, starts[index + 1] ?? happenings.length),
  }));
}

function of<T extends Happening['type']>({ happenings }: Session, type: T): Of<T>[] {
  return happenings.filter((each): each is Of<T> => each.type === type);
}

function isOfSession({ line }: Of<'message'>): boolean {
  return line === undefined;
}

function keyOf({ code, text }: Of<'message'>): string {
  return `${code} ${text}`;
}

/** What it says of its farms before it says anything else. */
function greetingOf(session: Session | undefined): Of<'message'>[] {
  if (session === undefined) return [];
  const said = of(session, 'message').filter(isOfSession);
  const end = said.findIndex(({ code, atMs }) => !isAboutFarms(code) || atMs - session.readyMs > GREETING_MS);
  return end < 0 ? said : said.slice(0, end);
}

function isAboutFarms(code: number): boolean {
  return [2104, 2106, 2107, 2108, 2119, 2158].includes(code);
}

/** What every line of the recording had in common. */
function standing({ lines }: Observed): Step[] {
  const seen = [...lines.values()].filter(({ price, greeks }) => price !== undefined || greeks !== undefined);
  const types = new Set(seen.flatMap(({ marketDataType = 1 }) => marketDataType));
  const greeks = seen.flatMap((line) => line.greeks ?? []);
  const steps: Step[] = [];
  if (seen.length > 0 && [...types].every((type) => type >= 3)) {
    steps.push({ after: 'start', fault: { kind: 'delayed-data' } });
  }
  if (greeks.length > 0 && greeks.every((each) => each === 'unset')) {
    steps.push({ after: 'start', fault: { kind: 'unset-greeks' } });
  }
  return steps;
}

/** What requests for a contract were answered by, each code once. */
function refusals({ happenings }: Observed, disguise: Disguise): Step[] {
  const steps = happenings.flatMap((each): [string, Step][] => {
    if (each.type !== 'message' || each.line === undefined || each.line.hasTicked) return [];
    const { code, line } = each;
    const text = disguise.text(each.text);
    const fault: FaultInput = { kind: 'request-errors', code, text, conIds: [line.conId] };
    return [[`${code} ${line.conId}`, { after: 'start', fault }]];
  });
  return [...new Map(steps).values()];
}

function messageSteps(session: Session, greeting: ReadonlySet<string>, disguise: Disguise): Step[] {
  const messages = of(session, 'message').filter(({ code }) => code !== CLIENT_ID_IN_USE);
  const paired = new Set<Of<'message'>>();
  const steps: Step[] = [];
  for (const message of messages) {
    const { code, atMs, line } = message;
    const text = disguise.text(message.text);
    const at = { after: 'ready', nth: session.nth, atMs: atMs - session.readyMs } as const;
    if (paired.has(message)) continue;
    // What a request is answered by is told for all requests, see below.
    if (line !== undefined && !line.hasTicked) continue;
    if (line !== undefined) {
      steps.push({ ...at, fault: { kind: 'line-errors', code, text, conIds: [line.conId] } });
    } else if (!(greeting.has(keyOf(message)) && atMs - session.readyMs <= GREETING_MS)) {
      const outage = outageOf(message, messages, disguise);
      if (outage?.end !== undefined) paired.add(outage.end);
      const endMs = outage?.end?.atMs ?? departed(session) + MARGIN_MS;
      steps.push(
        outage === undefined
          ? { ...at, fault: { kind: 'notice', code, text } }
          : { ...at, fault: outage.fault, forMs: Math.max(1, endMs - atMs) },
      );
    }
  }
  for (const { atMs } of of(session, 'unknown-message')) {
    const at = { after: 'ready', nth: session.nth, atMs: atMs - session.readyMs } as const;
    steps.push({ ...at, fault: { kind: 'corrupt', form: 'unknown-message' } });
  }
  return steps;
}

/** A message that begins something which another one ends, or the session's end does. */
function outageOf(
  message: Of<'message'>,
  messages: readonly Of<'message'>[],
  disguise: Disguise,
): { readonly fault: FaultInput; readonly end?: Of<'message'> } | undefined {
  const { code, text } = message;
  const later = messages.slice(messages.indexOf(message) + 1);
  if (code === 1100 || code === 2110) {
    const end = later.find((each) => each.code === 1101 || each.code === 1102);
    const restore = end?.code === 1101 ? 1101 : 1102;
    const words = {
      text: disguise.text(text),
      ...(end === undefined ? {} : { restoreText: disguise.text(end.text) }),
    };
    return { fault: { kind: 'link-lost', code, restore, ...words }, ...(end === undefined ? {} : { end }) };
  }
  const service = SERVICES[code];
  if (service === undefined) return undefined;
  const farm = text.slice(text.lastIndexOf(':') + 1).trim();
  if (farm === '') return undefined;
  const fault = { kind: 'farm-broken', farm, service, ticks: 'resume' } as const;
  const [down, up] = [farmNotice(fault, false), farmNotice(fault, true)];
  const end = later.find((each) => each.code === up.code && each.text === up.text);
  // Words of its own, or no end: the message is told as it was.
  return end !== undefined && down.text === text ? { fault, end } : undefined;
}

const SERVICES: Readonly<Record<number, 'market-data' | 'historical' | 'definitions'>> = {
  2103: 'market-data',
  2105: 'historical',
  2157: 'definitions',
};

function departed(session: Session): number {
  return of(session, 'away')[0]?.atMs ?? session.happenings.at(-1)?.atMs ?? session.readyMs;
}

/** Sweeps at a session's beginning that lack what a later one has, and those that never ended. */
function loadingSteps(session: Session): Step[] {
  const sweeps = of(session, 'sweep');
  const endless = sweeps
    .filter(({ hasEnded }, index) => !hasEnded && index < sweeps.length - 1)
    .map(({ atMs }): Step => {
      const at = { after: 'ready', nth: session.nth, atMs: atMs - session.readyMs } as const;
      return { ...at, fault: { kind: 'positions', answer: 'never-end', share: 1, times: 1 } };
    });
  const loading = loadingOf(session);
  // After a restart it is part of the restart.
  return loading === undefined || session.nth > 1
    ? endless
    : [
        ...endless,
        {
          after: 'start',
          fault: { kind: 'positions', answer: loading.answer, share: loading.share, times: loading.sweeps },
        },
      ];
}

function loadingOf(session: Session) {
  const complete = of(session, 'sweep').filter(({ hasEnded }) => hasEnded);
  const most = Math.max(0, ...complete.map(({ rows }) => rows));
  const sweeps = complete.findIndex(({ rows }) => rows >= most * LOADED_SHARE);
  const loaded = complete[sweeps];
  if (sweeps <= 0 || loaded === undefined) return undefined;
  const share = Math.min(...complete.slice(0, sweeps).map(({ rows }) => rows)) / most;
  return { answer: share === 0 ? 'empty' : 'partial', share, sweeps, untilMs: loaded.atMs } as const;
}

function quietSteps(session: Session): Step[] {
  const outages = of(session, 'message').filter(({ code }) => code === 1100 || code === 2110);
  return of(session, 'quiet')
    .filter(({ atMs, forMs }) => !outages.some((each) => each.atMs >= atMs && each.atMs <= atMs + forMs))
    .map(({ atMs, forMs }) => ({
      after: 'ready',
      nth: session.nth,
      atMs: Math.max(0, atMs - session.readyMs),
      fault: { kind: 'silence', what: 'ticks' },
      forMs,
    }));
}

/** How the session ended: a connection that was lost, or a gateway that was away and came back slowly. */
function departure(session: Session, next: Session | undefined): Step[] {
  const [away] = of(session, 'away');
  if (away === undefined) return [];
  const at = { after: 'ready', nth: session.nth, atMs: away.atMs - session.readyMs } as const;
  const { happenings } = session;
  const since = happenings.slice(happenings.indexOf(away) + 1);
  const accepted = since.find(({ type }) => type === 'accepted')?.atMs;
  const lingered = since.findLast((each) => each.type === 'message' && each.code === CLIENT_ID_IN_USE)?.atMs;
  const downMs = accepted === undefined ? 0 : accepted - away.atMs;
  const isLoading = next === undefined ? undefined : loadingOf(next);
  const isRestart = downMs >= RESTART_MS || lingered !== undefined || isLoading !== undefined;
  if (accepted === undefined || !isRestart) return [{ ...at, fault: { kind: 'drop', how: away.how } }];
  const lingerMs = lingered === undefined ? 0 : Math.max(1, lingered - accepted);
  const loading = isLoading && {
    positions: isLoading.answer,
    share: isLoading.share,
    forMs: Math.max(1, isLoading.untilMs - accepted),
  };
  return [{ ...at, fault: { kind: 'restart', downMs, lingerMs, ...(loading && { loading }) } }];
}
