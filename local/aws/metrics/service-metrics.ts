import type { MetricIdentity } from '../../../shared/local-metrics.ts';
import type { QueueState } from '../emulators.ts';
import type { MetricClock } from './clock.ts';
import type { MetricCollector } from './collector.ts';
import type { TableEvent } from './consumed-capacity.ts';
import { embeddedValues } from './embedded-metrics.ts';

export interface InvocationRecord {
  readonly functionName: string;
  /** By the machine's clock, as all times here. */
  readonly startedAt: number;
  readonly durationMs: number;
  readonly ok: boolean;
}

/**
 * The metrics that AWS's own services report, made of what the embedded ones really do, and those that functions
 * embed in their logs. Each metric has here the times and dimensions that CloudWatch would give it.
 */
export class ServiceMetrics {
  readonly #collector: MetricCollector;
  readonly #clock: MetricClock;

  constructor(collector: MetricCollector, clock: MetricClock) {
    this.#collector = collector;
    this.#clock = clock;
  }

  /** At the time when the invocation began. https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html */
  invoked({ functionName, startedAt, durationMs, ok }: InvocationRecord): void {
    const at = this.#clock.at(startedAt);
    const values = { Invocations: 1, Errors: ok ? 0 : 1, Throttles: 0, Duration: durationMs };
    for (const [name, value] of Object.entries(values)) this.#lambda(functionName, name, value, at);
  }

  /** @param recordAt when the last record of a batch was written that goes to the function now */
  streamed(functionName: string, recordAt: number): void {
    const now = this.#clock.now();
    this.#lambda(functionName, 'IteratorAge', Math.max(0, now - this.#clock.at(recordAt)), now);
  }

  /** What a function printed. */
  printed(line: string): void {
    for (const { metric, at, value } of embeddedValues(line, this.#clock)) {
      this.#collector.record(metric, value, at);
    }
  }

  /** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html */
  queued(queues: readonly QueueState[]): void {
    const now = this.#clock.now();
    for (const { name, visible, inFlight, oldestSentAt } of queues) {
      const ageMs = oldestSentAt === undefined ? 0 : Math.max(0, now - this.#clock.at(oldestSentAt));
      const values = {
        ApproximateNumberOfMessagesVisible: visible,
        ApproximateNumberOfMessagesNotVisible: inFlight,
        ApproximateAgeOfOldestMessage: Math.floor(ageMs / 1000),
      };
      for (const [metric, value] of Object.entries(values)) {
        this.#collector.record(
          { namespace: 'AWS/SQS', name: metric, dimensions: { QueueName: name } },
          value,
          now,
        );
      }
    }
  }

  /** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html */
  tables(events: readonly TableEvent[]): void {
    const now = this.#clock.now();
    for (const event of events) {
      const { name, value } = named(event);
      const dimensions = { TableName: event.table };
      this.#collector.record({ namespace: 'AWS/DynamoDB', name, dimensions }, value, now);
    }
  }

  #lambda(functionName: string, name: string, value: number, at: number): void {
    const metric: MetricIdentity = {
      namespace: 'AWS/Lambda',
      name,
      dimensions: { FunctionName: functionName },
    };
    this.#collector.record(metric, value, at);
  }
}

function named(event: TableEvent): { readonly name: string; readonly value: number } {
  switch (event.kind) {
    case 'written':
      return { name: 'ConsumedWriteCapacityUnits', value: event.units };
    case 'write-throttled':
      return { name: 'WriteThrottleEvents', value: 1 };
    case 'read-throttled':
      return { name: 'ReadThrottleEvents', value: 1 };
  }
}
