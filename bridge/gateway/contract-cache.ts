import { mkdir, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { conIdSchema, contractSchema } from '../../shared/contract.ts';
import { describeFaults } from '../../shared/message.ts';
import { instantSchema } from '../../shared/snapshot.ts';
import { DIRECTORY_MODE, replaceFile } from '../durable-file.ts';
import type { Log } from '../log.ts';

const entrySchema = z.object({
  /** When the gateway said so. */
  at: instantSchema,
  details: z.object({
    contract: contractSchema,
    validExchanges: z.array(z.string()),
    minTick: z.number().nonnegative(),
    priceMagnifier: z.number().positive(),
    underConId: z.int().positive().optional(),
    timeZoneId: z.string().optional(),
    tradingHours: z.string().optional(),
    liquidHours: z.string().optional(),
  }),
});

/** Rows are judged one by one: a single bad one costs itself. */
const fileSchema = z.object({
  schema: z.literal(1),
  contracts: z.array(z.unknown()),
  symbols: z.record(z.string(), conIdSchema),
});

export type CachedContract = z.infer<typeof entrySchema>;

export interface CachedContracts {
  readonly contracts: readonly CachedContract[];
  /** `symbolKey` of a lookup -> conId. */
  readonly symbols: Readonly<Record<string, number>>;
}

const NOTHING: CachedContracts = { contracts: [], symbols: {} };

/** Contract details on disk: worth nothing but time, so a fault here is told and counted, and never stops anybody. */
export class ContractCache {
  readonly #path: string;
  readonly #log: Log;
  #faults = 0;

  constructor(options: { readonly path: string; readonly log: Log }) {
    this.#path = options.path;
    this.#log = options.log;
  }

  /** Torn files, rows that could not be read, writes that failed. */
  get faults(): number {
    return this.#faults;
  }

  async load(): Promise<CachedContracts> {
    let text: string;
    try {
      text = await readFile(this.#path, 'utf8');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') this.#fault('contract-cache-unreadable', cause);
      return NOTHING;
    }
    try {
      const { contracts, symbols } = fileSchema.parse(JSON.parse(text));
      return { contracts: contracts.flatMap((row) => this.#row(row)), symbols };
    } catch (cause) {
      await this.#setAside(cause);
      return NOTHING;
    }
  }

  /** Replaces the file as a whole, readable by its owner alone; a reader never sees half of one. */
  async save(content: CachedContracts): Promise<void> {
    try {
      await mkdir(dirname(this.#path), { recursive: true, mode: DIRECTORY_MODE });
      await replaceFile(this.#path, JSON.stringify({ schema: 1, ...content }));
    } catch (cause) {
      this.#fault('contract-cache-not-saved', cause);
    }
  }

  #row(row: unknown): readonly CachedContract[] {
    const parsed = entrySchema.safeParse(row);
    if (parsed.success) return [parsed.data];
    this.#fault('contract-cache-row-dropped', describeFaults(parsed.error));
    return [];
  }

  async #setAside(cause: unknown): Promise<void> {
    const aside = `${this.#path}.torn-${Date.now()}`;
    this.#fault('contract-cache-set-aside', cause, { aside });
    try {
      await rename(this.#path, aside);
    } catch (renameCause) {
      this.#fault('contract-cache-not-set-aside', renameCause);
    }
  }

  #fault(event: string, cause: unknown, fields: Readonly<Record<string, unknown>> = {}): void {
    this.#faults += 1;
    this.#log.warn(event, { path: this.#path, cause: String(cause), ...fields });
  }
}
