/** Without the noise of binary fractions. */
export function round(value: number, digits = 8): number {
  return Number(value.toFixed(digits));
}

export function toTick(price: number, tick: number, mode: (value: number) => number): number {
  return round(mode(round(price / tick)) * tick);
}
