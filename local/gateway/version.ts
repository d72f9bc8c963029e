/**
 * Versions of the protocol, named by what each one changed on the wire.
 * https://github.com/InteractiveBrokers/tws-api (MIN_SERVER_VER_* in server_versions.py)
 */
export const VERSION = {
  sizeRules: 164,
  advancedOrderReject: 166,
  lastTradeDate: 182,
  ineligibilityReasons: 186,
  errorTime: 194,
} as const;

/** Encodings exist from ib_async's oldest (157) up to the last version without protobuf. */
export const SERVER_VERSION_MIN = 157;
export const SERVER_VERSION_MAX = 200;
export const SERVER_VERSION_DEFAULT = 193;

export interface VersionRange {
  readonly min: number;
  readonly max: number;
}

/** @param text `v100..193`, `v157`, optionally followed by a space and connect options @returns undefined when it is neither */
export function parseVersionRange(text: string): VersionRange | undefined {
  const match = /^v(\d{1,4})(?:\.\.(\d{1,4}))?(?: .*)?$/.exec(text);
  if (match === null) return undefined;
  const min = Number(match[1]);
  return { min, max: match[2] === undefined ? min : Number(match[2]) };
}

/** @returns the version to speak, undefined where there is none (506) */
export function negotiate(ownMax: number, client: VersionRange): number | undefined {
  const agreed = Math.min(ownMax, client.max);
  return agreed < Math.max(client.min, SERVER_VERSION_MIN) ? undefined : agreed;
}
