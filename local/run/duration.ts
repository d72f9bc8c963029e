const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/;

/** @returns milliseconds of a text such as `500ms`, `60s`, `1.5m` or `8h`; undefined for anything else, 0 included */
export function parseDuration(text: string): number | undefined {
  const [, amount, unit] = DURATION.exec(text) ?? [];
  if (amount === undefined || !isUnit(unit)) return undefined;
  const durationMs = Math.round(Number(amount) * UNIT_MS[unit]);
  return durationMs > 0 && Number.isSafeInteger(durationMs) ? durationMs : undefined;
}

/** @returns `h:mm:ss` for a person, whole seconds rounded down */
export function formatElapsed(elapsedMs: number): string {
  const seconds = Math.floor(elapsedMs / 1000);
  const two = (part: number) => String(part % 60).padStart(2, '0');
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60))}:${two(seconds)}`;
}

function isUnit(unit: string | undefined): unit is keyof typeof UNIT_MS {
  return unit !== undefined && Object.hasOwn(UNIT_MS, unit);
}
