// The live page: asks for /status.json once a second and draws it. Everything from the status goes into the page as
// text, never as markup.
const PERIOD_MS = 1000;
const SVG = 'http://www.w3.org/2000/svg';

const TONES = {
  ready: 'good',
  live: 'good',
  streaming: 'good',
  confirmed: 'good',
  current: 'good',
  delayed: 'soft',
  frozen: 'soft',
  sent: 'soft',
  wanted: 'soft',
  'watch class': 'soft',
  pending: 'soft',
  connecting: 'soft',
  handshaking: 'soft',
  idle: 'dim',
  inactive: 'dim',
  ended: 'dim',
  none: 'dim',
  'not-ours': 'dim',
  stopped: 'dim',
  stale: 'warn',
  'no-bid': 'warn',
  'no-line': 'warn',
  partial: 'warn',
  degraded: 'warn',
  waiting: 'warn',
  'half-open': 'warn',
  'competing-session': 'warn',
  'open-circuit': 'bad',
  refused: 'bad',
  'no-permission': 'bad',
};

const by = (id) => document.getElementById(id);
const number = (value) => (value === undefined ? '–' : value.toLocaleString('en-US'));
const price = (value) => (value === undefined ? '–' : value.toFixed(2));
const small = (value) => (value === undefined ? '–' : value.toFixed(3));
const percent = (value) => (value === undefined ? '–' : `${(value * 100).toFixed(1)} %`);

function ago(instant, now) {
  if (instant === undefined) return 'never';
  const seconds = Math.max(0, Math.round((Date.parse(now) - Date.parse(instant)) / 1000));
  if (seconds < 120) return `${seconds} s ago`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min ago`;
  return `${Math.round(seconds / 3600)} h ago`;
}

function element(name, { text, tone, kind } = {}) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  made.className = [tone, kind].filter(Boolean).join(' ');
  return made;
}

function list(id, entries) {
  const nodes = entries.flatMap(([term, text, tone]) => [
    element('dt', { text: term }),
    element('dd', { text, tone }),
  ]);
  by(id).replaceChildren(...nodes);
}

/** Columns: { title, text(row), tone(row)?, kind? }. */
function table(id, columns, rows, nothing) {
  if (rows.length === 0) {
    by(id).replaceChildren(element('p', { text: nothing, tone: 'dim' }));
    return;
  }
  const made = document.createElement('table');
  const head = made.createTHead().insertRow();
  for (const { title, kind } of columns) head.append(element('th', { text: title, kind }));
  const body = made.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const { text, tone, kind } of columns) {
      line.append(element('td', { text: text(row), tone: tone?.(row), kind }));
    }
  }
  by(id).replaceChildren(made);
}

function contractName(contract, conId) {
  if (contract === undefined) return `conId ${conId}`;
  const { symbol, secType, lastTradeDate, strike, right, localSymbol } = contract;
  if (strike !== undefined) return [symbol, lastTradeDate, strike, right].filter(Boolean).join(' ');
  return secType === 'FUT' ? (localSymbol ?? symbol) : symbol;
}

const tone = (word) => TONES[word] ?? '';
const numeric = (title, text, kind = '') => ({ title, text, kind: `number ${kind}` });
const worded = (title, text) => ({ title, text, tone: (row) => tone(text(row)) });

const marks = [
  numeric('bid', (row) => price(row.mark?.bid)),
  numeric('ask', (row) => price(row.mark?.ask)),
  numeric('price', (row) => price(row.mark?.price)),
  worded('quality', (row) => row.quality),
];

const lineColumns = (now) => [
  { title: 'contract', text: (row) => contractName(row.contract, row.conId) },
  worded('line', (row) => (row.watch && row.state === 'confirmed' ? 'watch class' : row.state)),
  ...marks,
  numeric('iv', (row) => percent(row.mark?.iv), 'wide'),
  numeric('delta', (row) => small(row.mark?.delta)),
  numeric('theta', (row) => small(row.mark?.theta), 'wide'),
  numeric('ticks', (row) => number(row.ticks), 'wide'),
  { title: 'heard', text: (row) => ago(row.lastMessageAt, now), kind: 'wide' },
  { title: 'strategies', text: (row) => row.strategyIds.join(', '), kind: 'wide' },
  { title: 'why', text: (row) => row.reason, kind: 'reason wide' },
];

const strategyColumns = (now) => [
  { title: 'strategy', text: (row) => row.id },
  worded('state', (row) => row.state),
  { title: 'since', text: (row) => ago(row.since, now), kind: 'wide' },
  numeric('lines', (row) => number(row.linesNeeded)),
  numeric('priority', (row) => number(row.priority), 'wide'),
  { title: 'account', text: (row) => row.account, kind: 'wide' },
  { title: 'why', text: (row) => row.reason, kind: 'reason' },
];

const polledColumns = (now) => [
  { title: 'instrument', text: (row) => row.name },
  ...marks,
  { title: 'by', text: (row) => row.source ?? '–' },
  { title: 'when', text: (row) => ago(row.lastAt, now) },
];

function duration(ms) {
  if (ms === undefined) return '–';
  const seconds = ms / 1000;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 6) / 10} min`;
  return `${Math.round(seconds / 360) / 10} h`;
}

const CLASSES = { index: 'instruments', degraded: 'legs without lines', mark: 'marks of positions' };

const LANE = [
  { title: 'what', text: (row) => CLASSES[row.class] },
  {
    title: 'by',
    text: (row) => row.source.replace('-', ' '),
    tone: (row) => (row.source === 'off' ? 'dim' : ''),
  },
  numeric('contracts', (row) => number(row.contracts)),
  numeric('answered', (row) => number(row.quoted)),
  numeric('period', (row) => duration(row.periodMs)),
  {
    ...numeric('reached', (row) => (row.contracts === 0 ? '–' : duration(row.reachedPeriodMs))),
    tone: (row) => (row.reachedPeriodMs > 1.5 * row.periodMs ? 'warn' : ''),
  },
  numeric('oldest', (row) => duration(row.oldestMs)),
];

const HANDLERS = [
  { title: 'handler', text: (row) => row.name },
  numeric('handled', (row) => number(row.handled)),
  numeric('conflated', (row) => number(row.conflated)),
  numeric('waiting', (row) => number(row.waiting)),
  { ...numeric('failed', (row) => number(row.failed)), tone: (row) => (row.failed > 0 ? 'bad' : '') },
];

/** To the right of the cap is what the trader's own TWS is left, and what the gateway does not grant. */
function drawBar({ cap, setting, streaming, stale, snapshotsInFlight }) {
  const held = streaming + stale;
  const used = held + snapshotsInFlight;
  const scale = Math.max(setting, used, 1);
  const drawing = document.createElementNS(SVG, 'svg');
  drawing.setAttribute('viewBox', `0 0 ${scale} 1`);
  drawing.setAttribute('preserveAspectRatio', 'none');
  const parts = [
    ['streaming', 0, streaming],
    ['stale', streaming, stale],
    ['polling', held, snapshotsInFlight],
    ['reserve', Math.max(cap, used), Math.max(0, scale - cap)],
  ];
  for (const [name, from, width] of parts) {
    const part = document.createElementNS(SVG, 'rect');
    part.setAttribute('class', name);
    part.setAttribute('x', from);
    part.setAttribute('width', width);
    part.setAttribute('height', 1);
    drawing.append(part);
  }
  by('bar').replaceChildren(drawing);
  by('bar').setAttribute('aria-label', `${used} of ${cap} lines in use`);
}

function faultsOf({ gateway, sweeps, reconcile, outbox, registry, assignments }) {
  const faults = [
    gateway.state !== 'ready' && gateway.lastFault && `Gateway: ${gateway.lastFault}`,
    gateway.state === 'ready' && !gateway.linkUp && 'Gateway: its link to IB is down, marks are stale',
    sweeps.lastFault && `Sweep: ${sweeps.lastFault}`,
    outbox.lastFault && `Outbox: ${outbox.lastFault}`,
    registry.lastFault && `Registry: ${registry.lastFault}`,
    registry.state === 'none' && 'Registry: not read yet, nothing is streamed',
    registry.state === 'stale' && `Registry: the last one known, of ${registry.confirmedAt}, is acted on`,
    outbox.quarantined > 0 &&
      `Outbox: ${outbox.quarantined} torn files are kept beside it, see outbox.db.corrupt-*`,
    outbox.dropped > 0 && `Outbox: ${number(outbox.dropped)} superseded snapshots were given up and declared`,
  ].filter(Boolean);
  for (const { account, bridge } of gateway.accountsElsewhere) {
    faults.push(`Account ${account} is held by bridge "${bridge}": not streamed and not recorded here`);
  }
  for (const { account, conId, quantity, unassigned } of assignments.overAssigned) {
    faults.push(
      `Over-assigned: conId ${conId} in ${account}: position ${quantity}, unassigned ${unassigned}`,
    );
  }
  if (reconcile.state === 'differs') {
    const kinds = Object.entries(reconcile.differences).filter(([, count]) => count > 0);
    const counts = kinds.map(([kind, count]) => `${number(count)} ${kind}`).join(', ');
    faults.push(`The table of positions differs: ${counts}, see slotwise reconcile`);
  }
  for (const { account, positions, cause } of sweeps.doubts) {
    faults.push(`Missing from the list and not closed: ${positions} positions of ${account}: ${cause}`);
  }
  return faults;
}

function filled({ bytes, maxBytes }) {
  return `${Math.round((100 * bytes) / maxBytes)} %`;
}

let previous;
function tickRate({ at, ticks, startedAt }) {
  const before = previous;
  previous = { at, ticks, startedAt };
  const seconds = before === undefined ? 0 : (Date.parse(at) - Date.parse(before.at)) / 1000;
  if (before?.startedAt !== startedAt || seconds <= 0) return undefined;
  return Math.round((ticks - before.ticks) / seconds);
}

function draw(status) {
  const { gateway, lines, sweeps, reconcile, outbox, registry, at } = status;
  document.title = `${lines.streaming}/${lines.cap} · ${status.bridge} · slotwise`;
  by('bridge').textContent = status.bridge;
  const version = gateway.serverVersion === undefined ? '' : ` · version ${gateway.serverVersion}`;
  by('gateway').textContent =
    `${gateway.host}:${gateway.port} · client ${gateway.clientId}${version} · ${gateway.accounts.join(', ')}`;
  showState(gateway.state, tone(gateway.state));
  by('faults').replaceChildren(...faultsOf(status).map((text) => element('li', { text })));

  const linesUsed = lines.streaming + lines.stale + lines.snapshotsInFlight;
  by('lines-used').textContent = number(linesUsed);
  by('lines-cap').textContent = `of ${number(lines.cap)}`;
  by('streaming').textContent = number(lines.streaming);
  by('watching').textContent = number(lines.watching);
  by('reserve').textContent = number(lines.reserve);
  const isLearned = lines.cap < lines.setting - lines.reserve;
  by('cap-reason').textContent =
    `Cap ${lines.cap}: ${lines.capReason}; ${lines.polledShare} are kept for polling.`;
  by('cap-reason').className = isLearned ? 'note warn' : 'note';
  by('polling').textContent = number(lines.snapshotsInFlight);
  by('stale').textContent = number(lines.stale);
  by('free').textContent = number(Math.max(0, lines.cap - linesUsed));
  by('refused').textContent = number(lines.refused);
  by('tick-rate').textContent = number(tickRate(status));
  drawBar(lines);

  list('sweeps', [
    ['positions', number(sweeps.positions)],
    ['complete', number(sweeps.complete)],
    ['failed', number(sweeps.failed), sweeps.failed > 0 ? 'warn' : ''],
    ['last', ago(sweeps.lastAt, at)],
    ['took', sweeps.lastDurationMs === undefined ? '–' : `${Math.round(sweeps.lastDurationMs)} ms`],
    ['durable after', sweeps.lastCommitMs === undefined ? '–' : `${Math.round(sweeps.lastCommitMs)} ms`],
    ['table of positions', reconcile.state, reconcile.state === 'differs' ? 'bad' : ''],
    ['compared', ago(reconcile.lastAt, at)],
    ['mended', number(reconcile.mended)],
  ]);
  list('outbox', [
    ['accepted', number(outbox.produced)],
    ['sent', number(outbox.sent)],
    ['waiting', number(outbox.depth), outbox.depth > 1000 ? 'warn' : ''],
    ['oldest', outbox.oldestAt === undefined ? '–' : ago(outbox.oldestAt, at)],
    ['size', `${number(Math.round(outbox.bytes / 1024))} KiB, ${filled(outbox)} of its bound`],
    ['not written', number(outbox.notWritten), outbox.notWritten > 0 ? 'warn' : ''],
    ['epoch', outbox.epoch],
  ]);
  list('registry', [
    ['state', registry.state, registry.state === 'none' ? 'bad' : tone(registry.state)],
    ['version', number(registry.version)],
    ['strategies', number(registry.strategies)],
    ['last scan', ago(registry.lastScanAt, at)],
  ]);
  list('process', [
    ['started', ago(status.startedAt, at)],
    ['connections', number(gateway.connections)],
    ['failed attempts', number(gateway.failedAttempts), gateway.failedAttempts > 0 ? 'warn' : ''],
    ['memory', `${number(Math.round(status.memoryBytes / 1048576))} MiB`],
    ['pid', String(status.pid)],
  ]);
  table('strategies', strategyColumns(at), lines.strategies, 'The registry has none.');
  table('rows', lineColumns(at), lines.rows, 'Nothing is streamed.');
  table('polled', polledColumns(at), lines.polled, 'Nothing is polled by snapshot.');
  table('lane', LANE, lines.lane, 'Nothing is polled.');
  table('handlers', HANDLERS, status.handlers, 'There are none.');
}

function showState(text, kind) {
  by('state').textContent = text;
  by('state').className = `state ${kind}`;
}

async function refresh() {
  try {
    const response = await fetch('/status.json', { cache: 'no-store', signal: AbortSignal.timeout(5000) });
    if (!response.ok) throw new Error((await response.json()).reason);
    draw(await response.json());
  } catch {
    showState('bridge does not answer', 'bad');
  }
}

async function run() {
  for (;;) {
    if (!document.hidden) await refresh();
    await new Promise((resolve) => setTimeout(resolve, PERIOD_MS));
  }
}

document.addEventListener('visibilitychange', () => document.hidden || refresh());
void run();
