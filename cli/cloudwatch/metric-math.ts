import type { Expression, Operator } from './expression.ts';
import type { Series, Span } from './series.ts';

/** A series, or one number for all of them. */
type Value = Series | number;

/**
 * Evaluates a formula as CloudWatch does: between two series the value that one of them lacks is 0, and a point that
 * would be divided by 0 is dropped.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
 * @param series by id
 * @throws RangeError for an id or a function that is not known here
 */
export function evaluateExpression(
  expression: Expression,
  series: ReadonlyMap<string, Series>,
  span: Span,
): Series {
  const value = resultOf(expression, series, span);
  if (typeof value === 'number') throw new RangeError('an expression that is a number is no series');
  return value;
}

function resultOf(expression: Expression, series: ReadonlyMap<string, Series>, span: Span): Value {
  const of = (each: Expression) => resultOf(each, series, span);
  switch (expression.kind) {
    case 'number':
      return expression.value;
    case 'id': {
      const found = series.get(expression.id);
      if (found === undefined) throw new RangeError(`no metric has the id ${expression.id}`);
      return found;
    }
    case 'negative':
      return pointwise(0, of(expression.operand), (left, right) => left - right);
    case 'binary':
      return pointwise(of(expression.left), of(expression.right), OPERATIONS[expression.operator]);
    case 'call':
      return call(expression.name, expression.operands.map(of), span);
  }
}

type Operation = (left: number, right: number) => number;

const truth = (holds: boolean): number => (holds ? 1 : 0);

const OPERATIONS: Readonly<Record<Operator, Operation>> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
  '/': (left, right) => (right === 0 ? Number.NaN : left / right),
  '^': (left, right) => left ** right,
  '==': (left, right) => truth(left === right),
  '!=': (left, right) => truth(left !== right),
  '<=': (left, right) => truth(left <= right),
  '>=': (left, right) => truth(left >= right),
  '<': (left, right) => truth(left < right),
  '>': (left, right) => truth(left > right),
  AND: (left, right) => truth(left !== 0 && right !== 0),
  '&&': (left, right) => truth(left !== 0 && right !== 0),
  OR: (left, right) => truth(left !== 0 || right !== 0),
  '||': (left, right) => truth(left !== 0 || right !== 0),
};

function pointwise(left: Value, right: Value, operation: Operation): Value {
  if (typeof left === 'number' && typeof right === 'number') return operation(left, right);
  const result = new Map<number, number>();
  for (const at of timesOf(left, right)) {
    const value = operation(pointAt(left, at) ?? 0, pointAt(right, at) ?? 0);
    if (!Number.isNaN(value)) result.set(at, value);
  }
  return result;
}

function timesOf(...values: readonly Value[]): readonly number[] {
  const times = new Set(values.flatMap((value) => (typeof value === 'number' ? [] : [...value.keys()])));
  return [...times].sort((a, b) => a - b);
}

function pointAt(value: Value, at: number): number | undefined {
  return typeof value === 'number' ? value : value.get(at);
}

function call(name: string, operands: readonly Value[], span: Span): Value {
  const [first, second, third] = operands;
  if (name === 'FILL' && isSeries(first) && typeof second === 'number') return fill(first, second, span);
  if (name === 'DAY' && isSeries(first)) return everywhere(span, weekday);
  if (name === 'IF' && first !== undefined && second !== undefined) return choose(first, second, third);
  throw new RangeError(`${name} with ${operands.length} such operands is not known here`);
}

function isSeries(value: Value | undefined): value is Series {
  return value !== undefined && typeof value !== 'number';
}

/** AWS does not say what becomes of a metric without any value in the span: here it stays empty, which alarms must bear. */
function fill(series: Series, filler: number, span: Span): Series {
  if (series.size === 0) return series;
  return everywhere(span, (at) => series.get(at) ?? filler);
}

/** DAY and its like have a value at every point in time, whatever their metric has. */
function everywhere({ from, to, periodMs }: Span, value: (at: number) => number): Series {
  const series = new Map<number, number>();
  for (let at = from; at < to; at += periodMs) series.set(at, value(at));
  return series;
}

/** Monday is 1, Sunday 7, in UTC. */
function weekday(at: number): number {
  return new Date(at).getUTCDay() || 7;
}

/** True without a value for it is 0; false without a value for it is no point at all. */
function choose(condition: Value, whenTrue: Value, whenFalse: Value | undefined): Value {
  if (typeof condition === 'number') return (condition === 0 ? whenFalse : whenTrue) ?? new Map();
  const result = new Map<number, number>();
  for (const [at, decides] of condition) {
    const value =
      decides === 0
        ? whenFalse === undefined
          ? undefined
          : pointAt(whenFalse, at)
        : (pointAt(whenTrue, at) ?? 0);
    if (value !== undefined) result.set(at, value);
  }
  return result;
}
