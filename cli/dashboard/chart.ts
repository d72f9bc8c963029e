import { LineChart } from 'echarts/charts';
import { GridComponent, MarkLineComponent } from 'echarts/components';
import { type EChartsCoreOption, init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { MetricStore, Series } from '../cloudwatch/series.ts';
import { type GraphLine, linesOf, type MetricWidget } from './widgets.ts';

use([LineChart, GridComponent, MarkLineComponent, SVGRenderer]);

/** Told apart by people who do not see all colours, too: https://jfly.uni-koeln.de/color/ */
const COLORS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#8a6d00', '#444444'];

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

export interface ChartLine {
  readonly label: string;
  readonly color: string;
  /** Newest value; undefined where there is none in the whole span. */
  readonly last: number | undefined;
  readonly axis: GraphLine['axis'];
}

export interface Chart {
  readonly svg: string;
  readonly lines: readonly ChartLine[];
}

/** Draws a widget's graph. @param span of the whole page, in epoch milliseconds */
export function drawChart(
  widget: MetricWidget,
  store: MetricStore,
  options: {
    readonly span: { readonly from: number; readonly to: number };
    readonly width: number;
    readonly height: number;
  },
): Chart {
  const { span, width, height } = options;
  const lines = linesOf(widget).map((line, index) => {
    const color = COLORS[index % COLORS.length] ?? '#444444';
    return { line, color, series: store.series(line.metric, { ...span, periodMs: line.periodMs }) };
  });
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption(optionOf(widget, lines, span));
    return {
      svg: chart.renderToSVGString(),
      lines: lines.map(({ line, color, series }) => ({
        label: line.label,
        color,
        last: [...series.values()].at(-1),
        axis: line.axis,
      })),
    };
  } finally {
    chart.dispose();
  }
}

interface Drawn {
  readonly line: GraphLine;
  readonly color: string;
  readonly series: Series;
}

function optionOf(
  { properties }: MetricWidget,
  lines: readonly Drawn[],
  span: { readonly from: number; readonly to: number },
): EChartsCoreOption {
  const { yAxis, annotations } = properties;
  const hasRight = lines.some(({ line }) => line.axis === 'right');
  const highest = Math.max(0, ...annotations.horizontal.map(({ value }) => value));
  const axis = (side: 'left' | 'right', labels: object = {}) => ({
    type: 'value',
    min: yAxis[side]?.min ?? null,
    position: side,
    splitNumber: 3,
    axisLabel: {
      color: '#5f6b7a',
      fontSize: 11,
      formatter: (value: number) => compact.format(value),
      ...labels,
    },
    splitLine: { show: side === 'left', lineStyle: { color: '#eaeded' } },
  });
  // The end of an axis that is set is no round number.
  const left =
    highest > 0 ? { ...axis('left', { showMaxLabel: false }), max: roomFor(highest, lines) } : axis('left');
  return {
    animation: false,
    useUTC: true,
    textStyle: { fontFamily: 'sans-serif' },
    grid: { left: 44, right: hasRight ? 40 : 14, top: 10, bottom: 22 },
    xAxis: {
      type: 'time',
      min: span.from,
      max: span.to,
      splitNumber: 4,
      minInterval: 60_000,
      axisLabel: { color: '#5f6b7a', fontSize: 11, hideOverlap: true, formatter: '{HH}:{mm}' },
    },
    yAxis: [left, axis('right')],
    series: lines.map(({ line, color, series }, index) => ({
      type: 'line',
      silent: true,
      yAxisIndex: line.axis === 'right' ? 1 : 0,
      data: pointsOf(series, line.periodMs),
      color,
      symbolSize: 3,
      lineStyle: { width: 1.5 },
      ...(index === 0 && annotations.horizontal.length > 0 && { markLine: limitsOf(annotations.horizontal) }),
    })),
  };
}

/** The limit stays in sight however far below it the values are. */
function roomFor(limit: number, lines: readonly Drawn[]): number {
  const values = lines
    .filter(({ line }) => line.axis === 'left')
    .flatMap(({ series }) => [...series.values()]);
  return Math.max(limit, ...values) * 1.15;
}

/** A period without a value is a gap in the line. */
function pointsOf(series: Series, periodMs: number): readonly (readonly [number, number | null])[] {
  const points: [number, number | null][] = [];
  let before: number | undefined;
  for (const [at, value] of series) {
    if (before !== undefined && at - before > periodMs) points.push([before + periodMs, null]);
    points.push([at, value]);
    before = at;
  }
  return points;
}

function limitsOf(limits: MetricWidget['properties']['annotations']['horizontal']): object {
  return {
    silent: true,
    symbol: 'none',
    data: limits.map(({ value, label, color }) => ({
      yAxis: value,
      lineStyle: { color, type: 'dashed', width: 1 },
      label: { formatter: label, position: 'insideEndTop', color, fontSize: 10 },
    })),
  };
}
