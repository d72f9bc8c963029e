import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance, type Json } from '@duckdb/node-api';
import { COMPACT } from '../../shared/limits.ts';

/**
 * A directory of its own and a database in it that spills there: whatever a day holds, memory stays within bounds.
 * The directory goes with it.
 */
export class Workbench implements AsyncDisposable {
  readonly directory: string;
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;

  private constructor(directory: string, instance: DuckDBInstance, connection: DuckDBConnection) {
    this.directory = directory;
    this.#instance = instance;
    this.#connection = connection;
  }

  static async open(): Promise<Workbench> {
    const directory = await mkdtemp(join(tmpdir(), 'slotwise-compact-'));
    try {
      const instance = await DuckDBInstance.create(join(directory, 'work.db'), {
        memory_limit: `${COMPACT.databaseMemoryMb}MB`,
        // A function of this memory has less than one processor.
        threads: '1',
        temp_directory: join(directory, 'spill'),
        // Nothing is fetched at run time: parquet and json are built in.
        autoinstall_known_extensions: 'false',
        autoload_known_extensions: 'false',
      });
      const connection = await instance.connect();
      await connection.run("SET TimeZone = 'UTC'");
      // Of thousands of small files, each read once, it would keep every one: twice the time, four times the memory.
      await connection.run('SET enable_external_file_cache = false');
      // One read instead of one per column and page header.
      await connection.run('SET prefetch_all_parquet_files = true');
      // What a statement has given up goes back to the system before the next one begins.
      await connection.run("SET allocator_bulk_deallocation_flush_threshold = '1MB'");
      return new Workbench(directory, instance, connection);
    } catch (cause) {
      await rm(directory, { recursive: true, force: true });
      throw cause;
    }
  }

  /** @returns an empty directory below this one */
  async emptied(name: string): Promise<string> {
    const path = join(this.directory, name);
    await rm(path, { recursive: true, force: true });
    await mkdir(path, { recursive: true });
    return path;
  }

  async run(sql: string): Promise<void> {
    await this.#connection.run(sql);
  }

  /** @returns rows as JSON has them: integers of 64 bits as text */
  async rows(sql: string): Promise<Json[][]> {
    const reader = await this.#connection.runAndReadAll(sql);
    return reader.getRowsJson();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.closeSync();
    this.#instance.closeSync();
    await rm(this.directory, { recursive: true, force: true });
  }
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** @returns a list of file names for read_parquet */
export function literals(texts: readonly string[]): string {
  return `[${texts.map(literal).join(', ')}]`;
}
