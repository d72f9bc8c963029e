import { formatElapsed } from './duration.ts';

/** Everything that the live view shows, as of one moment; what is not known yet is absent. */
export interface ViewState {
  readonly elapsedMs: number;
  /** Until the run ends by itself. */
  readonly remainingMs?: number;
  readonly gateway: { readonly address: string; readonly state: string; readonly serverVersion?: number };
  readonly lines: {
    readonly cap: number;
    readonly streaming: number;
    readonly snapshotsInFlight: number;
    readonly peak: number;
    readonly peakWithSnapshots: number;
    readonly refused: number;
  };
  readonly sweeps: {
    readonly complete: number;
    readonly failed: number;
    readonly positions: number;
    readonly ageMs?: number;
  };
  readonly ticks: { readonly total: number; readonly perSecond?: number };
  readonly outbox: { readonly depth: number; readonly produced: number };
  readonly queue?: { readonly waiting: number; readonly inWork: number };
  readonly lake?: { readonly rows: number; readonly objects: number };
  readonly registry: { readonly version: number; readonly active: number; readonly strategies: number };
  readonly functions: readonly {
    readonly name: string;
    readonly batches: number;
    readonly largest: number;
    readonly failed: number;
  }[];
  /** What happened last, the newest at the end. */
  readonly news: readonly string[];
}

const BAR_WIDTH = 24;
const LABEL_WIDTH = 10;

const number = new Intl.NumberFormat('en-US');
const count = (value: number): string => number.format(value);

/** @returns the view of a terminal, lines joined by newlines, each cut to `width` */
export function renderView(state: ViewState, width: number): string {
  const row = (label: string, text: string) => `  ${label.padEnd(LABEL_WIDTH)} ${text}`;
  const { functions, news } = state;
  const rows = [
    heading(state),
    row('lines', `${bar(state.lines.streaming, state.lines.cap)} ${linesText(state)}`),
    row('sweeps', sweepsText(state)),
    row('ticks', ticksText(state)),
    row(
      'outbox',
      `${count(state.outbox.depth)} waiting of ${count(state.outbox.produced)} snapshots produced`,
    ),
    row('queue', queueText(state)),
    row('lake', lakeText(state)),
    row('registry', registryText(state)),
    ...functions.map((each, index) => row(index === 0 ? 'functions' : '', functionText(each))),
    ...news.map((text, index) => row(index === 0 ? 'news' : '', text)),
  ];
  return rows.map((text) => (text.length > width ? `${text.slice(0, width - 1)}…` : text)).join('\n');
}

/** @returns the same on one line, for a log or a pipe */
export function renderLine(state: ViewState): string {
  const { lines, sweeps, outbox, queue, lake, registry } = state;
  return [
    formatElapsed(state.elapsedMs),
    `gateway ${state.gateway.state}`,
    `lines ${lines.streaming}/${lines.cap}`,
    `sweeps ${sweeps.complete}`,
    `ticks ${state.ticks.total}`,
    `outbox ${outbox.depth}`,
    `queue ${queue === undefined ? '?' : queue.waiting + queue.inWork}`,
    `lake ${lake?.rows ?? '?'} rows`,
    `registry ${registry.version}`,
  ].join(' · ');
}

function heading(state: ViewState): string {
  const { gateway } = state;
  const version = gateway.serverVersion === undefined ? '' : ` (server version ${gateway.serverVersion})`;
  const left = state.remainingMs === undefined ? '' : ` · ${formatElapsed(state.remainingMs)} left`;
  return `slotwise local · ${formatElapsed(state.elapsedMs)}${left} · gateway ${gateway.address} ${gateway.state}${version}`;
}

function bar(value: number, of: number): string {
  const filled = of === 0 ? 0 : Math.min(BAR_WIDTH, Math.ceil((value / of) * BAR_WIDTH));
  return `${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}`;
}

function linesText({ lines }: ViewState): string {
  const snapshots = lines.snapshotsInFlight === 0 ? '' : ` + ${lines.snapshotsInFlight} snapshots`;
  const peaks = `peak ${lines.peak}, with snapshots ${lines.peakWithSnapshots}`;
  return `${lines.streaming} of ${lines.cap} streaming${snapshots} · ${peaks} · refused ${lines.refused}`;
}

function sweepsText({ sweeps }: ViewState): string {
  const age = sweeps.ageMs === undefined ? '' : ` · last ${Math.round(sweeps.ageMs / 1000)} s ago`;
  return `${count(sweeps.complete)} complete, ${count(sweeps.failed)} failed · ${count(sweeps.positions)} positions${age}`;
}

function ticksText({ ticks }: ViewState): string {
  const rate = ticks.perSecond === undefined ? '' : ` · ${count(Math.round(ticks.perSecond))}/s`;
  return `${count(ticks.total)}${rate}`;
}

function queueText({ queue }: ViewState): string {
  return queue === undefined
    ? 'not seen yet'
    : `${count(queue.waiting)} waiting, ${count(queue.inWork)} in work`;
}

function lakeText({ lake }: ViewState): string {
  return lake === undefined ? 'not read yet' : `${count(lake.rows)} rows in ${count(lake.objects)} objects`;
}

function registryText({ registry }: ViewState): string {
  return `version ${registry.version} · ${registry.active} of ${registry.strategies} strategies active`;
}

function functionText(each: ViewState['functions'][number]): string {
  const failed = each.failed === 0 ? '' : `, ${count(each.failed)} failed`;
  return `${each.name}: ${count(each.batches)} batches, largest ${each.largest}${failed}`;
}
