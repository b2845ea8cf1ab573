/** Divides decimals exactly, because binary fractions make 0.3 no multiple of 0.1. */

/** A decimal as `digits × 10^exponent`. */
interface Decimal {
  readonly digits: bigint;
  readonly exponent: number;
}

function toDecimal(value: number): Decimal {
  const [mantissa = '0', exponent = '0'] = value.toExponential().split('e', 2);
  const [whole = '0', fraction = ''] = mantissa.split('.', 2);
  return { digits: BigInt(whole + fraction), exponent: Number(exponent) - fraction.length };
}

/**
 * Says whether `value` is a whole multiple of `unit`, both taken as the shortest decimals that denote them.
 *
 * @param value any finite number.
 * @param unit a finite number above 0.
 */
export function isMultipleOf(value: number, unit: number): boolean {
  if (Number.isSafeInteger(value) && Number.isSafeInteger(unit)) return value % unit === 0;
  const one = toDecimal(value);
  const other = toDecimal(unit);
  const least = Math.min(one.exponent, other.exponent);
  const scaled = (decimal: Decimal): bigint => decimal.digits * 10n ** BigInt(decimal.exponent - least);
  return scaled(one) % scaled(other) === 0n;
}
