// Exact sums of money: whole nanos of a unit as big integers; no floating point anywhere.
import type { Money } from "../../format/money";
import { currencyDigits } from "../../format/money";

/** What counts of an amount. */
export type Sum = Pick<Money, "units" | "nanos" | "currencyCode">;

const NANOS = 1_000_000_000n;

export function nanosOf({ units, nanos }: Pick<Sum, "units" | "nanos">): bigint {
  return units * NANOS + BigInt(nanos);
}

export function sumOf(nanos: bigint, currencyCode: string): Sum {
  return { units: nanos / NANOS, nanos: Number(nanos % NANOS), currencyCode };
}

export function negated(value: Sum): Sum {
  return sumOf(-nanosOf(value), value.currencyCode);
}

export function isZero({ units, nanos }: Pick<Sum, "units" | "nanos">): boolean {
  return units === 0n && nanos === 0;
}

/** The length of a bar; a picture may be rounded, a figure may not. */
export function pictured(value: Pick<Sum, "units" | "nanos"> | undefined): number {
  return value ? Number(value.units) + value.nanos / 1e9 : 0;
}

const DECIMAL = /^(-?)(\d+)(?:\.(\d{1,6}))?$/;
const MILLIONTH = 1_000_000n;

/** Quantities and discounts in millionths; undefined for what is no number of at most six decimals. */
export function millionths(text: string): bigint | undefined {
  const found = DECIMAL.exec(text);
  if (!found) return undefined;
  const [, sign = "", whole = "0", fraction = ""] = found;
  const value = BigInt(whole) * MILLIONTH + BigInt(fraction.padEnd(6, "0"));
  return sign ? -value : value;
}

/** Quantity times price less discount, rounded half up to the minor unit, as orders do it. */
export function netAmount(price: Sum, quantity: bigint, discount: bigint): Sum {
  const exact = nanosOf(price) * quantity * (MILLIONTH - discount);
  const minor = 10n ** BigInt(9 - currencyDigits(price.currencyCode));
  const scale = MILLIONTH * MILLIONTH * minor;
  const sign = exact < 0n ? -1n : 1n;
  const rounded = (exact * sign * 2n + scale) / (scale * 2n);
  return sumOf(sign * rounded * minor, price.currencyCode);
}
