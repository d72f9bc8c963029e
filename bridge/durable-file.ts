import { closeSync, constants, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import path from 'node:path';

/** Readable by the bridge's own user alone: these files hold account numbers and positions. */
export const FILE_MODE = 0o600;
export const DIRECTORY_MODE = 0o700;

/**
 * Replaces a small file so that a reader, or a start after a power loss, sees the old text or the new one and never
 * a part: temporary file, fsync, rename, fsync of the directory. Where that fails (a full disk) the old text stays,
 * and the part is removed: it would take the room that others need. One writer per path at a time.
 */
export async function replaceFile(file: string, text: string): Promise<void> {
  const temporary = temporaryOf(file);
  try {
    const handle = await open(temporary, 'w', FILE_MODE);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw cause;
  }
  const directory = await open(path.dirname(file), constants.O_RDONLY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** The same for a thread that has nothing else to do meanwhile. */
export function replaceFileSync(file: string, text: string): void {
  const temporary = temporaryOf(file);
  try {
    const descriptor = openSync(temporary, 'w', FILE_MODE);
    try {
      writeFileSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, file);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw cause;
  }
  syncDirectory(path.dirname(file));
}

/** A file's name is durable when its directory is. */
export function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, constants.O_RDONLY);
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function temporaryOf(file: string): string {
  return `${file}.${process.pid}.tmp`;
}
