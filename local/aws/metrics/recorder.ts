import type { QueueState } from '../emulators.ts';
import { MACHINE_CLOCK, type MetricClock } from './clock.ts';
import { MetricCollector } from './collector.ts';
import { ServiceMetrics } from './service-metrics.ts';

/** SQS reports once a minute; a run of two minutes would show next to nothing of its queues. */
const QUEUES_PERIOD_MS = 10_000;
/** Looks at the queues between two writes. */
const LOOKS_PER_WRITE = 2;

/** What the embedded services report, written down in its time. */
export class MetricRecorder {
  readonly services: ServiceMetrics;
  readonly #collector: MetricCollector;
  #timer: NodeJS.Timeout | undefined;
  #queues: () => readonly QueueState[] = () => [];

  constructor(options: { readonly dir: string; readonly clock?: MetricClock | undefined }) {
    this.#collector = new MetricCollector(options.dir);
    this.services = new ServiceMetrics(this.#collector, options.clock ?? MACHINE_CLOCK);
  }

  start(queues: () => readonly QueueState[]): void {
    this.#queues = queues;
    let looks = 0;
    this.#timer = setInterval(() => {
      this.services.queued(queues());
      looks += 1;
      if (looks % LOOKS_PER_WRITE === 0) this.#collector.flush();
    }, QUEUES_PERIOD_MS);
    this.#timer.unref();
  }

  measure(): void {
    this.services.queued(this.#queues());
    this.#collector.flush();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.measure();
  }
}
