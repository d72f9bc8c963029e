import { z } from 'zod';
import { readDocument } from './document.ts';
import { faultSchema, isStanding } from './faults.ts';

/** What a step waits for before its time begins to count. */
const anchors = ['start', 'ready', 'positions', 'line'] as const;

const stepSchema = z
  .strictObject({
    /**
     * `start`: the gateway listens. `ready`: a client got nextValidId. `positions`: reqPositions came. `line`: a
     * streaming request came.
     */
    after: z.enum(anchors).default('start'),
    /** Which of these since the start, counted from 1: `ready` 2 is the first reconnect. */
    nth: z.int().positive().default(1),
    atMs: z.int().min(0).max(86_400_000).default(0),
    fault: faultSchema,
    /** After which a standing fault ends; to the end of the run when left out. */
    forMs: z.int().positive().max(86_400_000).optional(),
  })
  .refine(({ fault, forMs }) => forMs === undefined || isStanding(fault), {
    path: ['forMs'],
    message: 'does not apply: this fault happens at once',
  });

export const scenarioSchema = z.strictObject({
  /** For people. */
  name: z.string().default(''),
  steps: z.array(stepSchema).min(1).max(10_000),
});

export type Scenario = z.infer<typeof scenarioSchema>;
export type ScenarioStep = Scenario['steps'][number];

/** @throws DocumentError with one line for each thing that is wrong */
export function readScenario(path: string): Promise<Scenario> {
  return readDocument(path, scenarioSchema);
}
