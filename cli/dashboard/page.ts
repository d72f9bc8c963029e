import type { Monitoring } from '../../shared/local-metrics.ts';
import type { MetricStore } from '../cloudwatch/series.ts';
import { type AlarmView, alarmView } from './alarm-view.ts';
import { type ChartLine, drawChart } from './chart.ts';
import { escapeHtml } from './html.ts';
import { markdownToHtml } from './markdown.ts';
import { type MetricWidget, parseDashboard, type Widget } from './widgets.ts';

/** In CSS pixels: of 24 columns, as CloudWatch has them, and of its rows. */
const COLUMN_PX = 58;
const ROW_PX = 48;
const TITLE_PX = 26;
const LEGEND_LINE_PX = 18;
/** Of a legend's column; a graph of more lines has two columns. */
const LEGEND_LINES_MAX = 4;

const numbers = new Intl.NumberFormat('en', { maximumFractionDigits: 2 });

export interface PageOptions {
  readonly monitoring: Monitoring;
  readonly store: MetricStore;
  /** Where the metrics come from, in words. */
  readonly source: string;
  /** Epoch milliseconds: the time to which alarms are evaluated and graphs go. */
  readonly to: number;
}

/**
 * The dashboards of a template as one page without scripts: what CloudWatch would show of these metrics.
 * @throws ZodError for a widget that could not be drawn as CloudWatch draws it
 */
export function renderPage({ monitoring, store, source, to }: PageOptions): string {
  const sections = monitoring.dashboards.map(({ name, body }) => {
    const { spanMs, widgets } = parseDashboard(body);
    const from = Math.max(store.extent()?.from ?? to - spanMs, to - spanMs);
    const span = { from, to };
    const views = new Map(monitoring.alarms.map((alarm) => [alarm.arn, alarmView(alarm, store, span)]));
    const shown = widgets.map((widget) => renderWidget(widget, { store, span, views })).join('\n');
    return `<header><h1>${escapeHtml(name)}</h1><p>${escapeHtml(source)}, ${day(from)} ${clock(from)} to ${clock(to)} UTC</p></header>
<main>${shown}</main>`;
  });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>slotwise dashboard</title><style>${STYLE}</style></head>
<body>${sections.join('\n')}</body></html>
`;
}

interface Context {
  readonly store: MetricStore;
  readonly span: { readonly from: number; readonly to: number };
  readonly views: ReadonlyMap<string, AlarmView>;
}

function renderWidget(widget: Widget, context: Context): string {
  const { x, y, width, height } = widget;
  const place = `grid-column:${x + 1}/span ${width};grid-row:${y + 1}/span ${height}`;
  return `<section style="${place}">${contentOf(widget, context)}</section>`;
}

function contentOf(widget: Widget, context: Context): string {
  switch (widget.type) {
    case 'alarm':
      return `${title(widget.properties.title)}<ul class="alarms">${widget.properties.alarms
        .map((arn) => alarmTile(context.views.get(arn)))
        .join('')}</ul>`;
    case 'metric':
      return graph(widget, context);
    case 'text':
      return markdownToHtml(widget.properties.markdown);
    case 'log':
      return `${title(widget.properties.title)}<p class="quiet">A query of CloudWatch Logs Insights: it needs an account. The logs of a local run's functions are files in aws/functions of its directory.</p>`;
  }
}

function title(text: string): string {
  return `<h2>${escapeHtml(text)}</h2>`;
}

const STATE_CLASSES = { OK: 'ok', ALARM: 'alarm', INSUFFICIENT_DATA: 'unknown' } as const;

function alarmTile(view: AlarmView | undefined): string {
  if (view === undefined) return '';
  const { name, description, state, since, fired, lastFired } = view;
  const text = since === undefined ? 'no data' : timesOf(fired, lastFired);
  return `<li class="${STATE_CLASSES[state]}" title="${escapeHtml(description)}"><b>${escapeHtml(name)}</b><span>${state.replace('_', ' ')}</span><small>${text}</small></li>`;
}

function timesOf(fired: number, last: AlarmView['lastFired']): string {
  if (last === undefined) return 'never went off';
  const span = `${clock(last.from)}${last.until === undefined ? '' : ` to ${clock(last.until)}`}`;
  return fired === 1 ? `went off ${span}` : `${fired} times, last ${span}`;
}

function graph(widget: MetricWidget, { store, span }: Context): string {
  const width = widget.width * COLUMN_PX - 24;
  const count = widget.properties.metrics.length;
  const columns = count > LEGEND_LINES_MAX ? 2 : 1;
  const legendLines = Math.ceil(count / columns);
  const height = widget.height * ROW_PX - TITLE_PX - 20 - legendLines * LEGEND_LINE_PX;
  const { svg, lines } = drawChart(widget, store, { span, width, height });
  return `${title(widget.properties.title)}${svg}<ul class="legend" style="columns:${columns}">${lines.map(legend).join('')}</ul>`;
}

function legend({ label, color, last, axis }: ChartLine): string {
  const value = last === undefined ? 'no data' : numbers.format(last);
  const side = axis === 'right' ? ' (right)' : '';
  const text = `${escapeHtml(label)}${side}`;
  return `<li title="${text}"><i style="background:${color}"></i><span>${text}</span><b>${value}</b></li>`;
}

function clock(at: number): string {
  return new Date(at).toISOString().slice(11, 16);
}

function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

const STYLE = `
body{margin:0;background:#f2f3f3;color:#16191f;font:14px/1.4 system-ui,sans-serif}
header{padding:16px 20px 0}h1{font-size:20px;margin:0}header p{margin:2px 0 0;color:#5f6b7a}
main{display:grid;grid-template-columns:repeat(24,minmax(0,1fr));grid-auto-rows:${ROW_PX - 10}px;gap:10px;padding:14px 20px;max-width:${24 * COLUMN_PX}px}
section{background:#fff;border:1px solid #d5dbdb;border-radius:4px;padding:8px 12px;overflow:hidden}
h2{font-size:14px;margin:0 0 4px}h3{font-size:14px;margin:0}p{margin:0 0 8px}
svg{display:block;width:100%;height:auto}
ul{list-style:none;margin:0;padding:0}
.quiet{color:#5f6b7a}
.alarms{display:grid;grid-template-columns:repeat(6,minmax(0,1fr));gap:6px}
.alarms li{border-left:4px solid;border-radius:3px;padding:3px 8px;background:#f7f8f8;overflow:hidden;white-space:nowrap;text-overflow:ellipsis}
.alarms b{display:block;font-size:13px;overflow:hidden;text-overflow:ellipsis}
.alarms span{font-size:12px;font-weight:600;margin-right:6px}.alarms small{color:#5f6b7a}
.alarms .ok{border-color:#1d8102}.ok span{color:#1d8102}.alarms .alarm{border-color:#d13212;background:#fdf3f1}.alarm span{color:#d13212}
.alarms .unknown{border-color:#879596}.unknown span{color:#5f6b7a}
.legend{font-size:12px;line-height:${LEGEND_LINE_PX}px;column-gap:14px}
.legend li{display:flex;gap:6px;align-items:center}.legend span{overflow:hidden;white-space:nowrap;text-overflow:ellipsis}
.legend i{flex:none;width:10px;height:3px}.legend b{margin-left:auto;font-weight:600;white-space:nowrap}
`;
