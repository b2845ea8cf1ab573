/** RSA keys that must not be trusted, whatever set they stand in. */

/** Fewest and most bits of a modulus: shorter ones are broken, longer ones cost more time than they are worth. */
const fewestBits = 2048;
const mostBits = 8192;

/**
 * Says what is wrong with an RSA public key.
 *
 * @param n modulus, base64url
 * @param e public exponent, base64url
 * @returns a reason, or `undefined` when the key may be used
 */
export function findRsaWeakness(n: string, e: string): string | undefined {
  const modulus = toInteger(n);
  const exponent = toInteger(e);
  if (modulus === undefined || exponent === undefined) return 'its numbers are not base64url';
  const bits = modulus.toString(2).length;
  if (bits < fewestBits) return `its modulus has ${bits} bits; at least ${fewestBits} are needed`;
  if (bits > mostBits) return `its modulus has more than ${mostBits} bits`;
  if (exponent < 3n || exponent % 2n === 0n || exponent.toString(2).length > 64) return 'its exponent is not sound';
  if (modulus % 2n === 0n) return 'its modulus is even';
  return isRoca(modulus) ? 'it was made by a flawed generator (CVE-2017-15361)' : undefined;
}

function toInteger(text: string): bigint | undefined {
  if (!/^[A-Za-z0-9_-]{1,1400}$/.test(text)) return undefined;
  return BigInt(`0x${Buffer.from(text, 'base64url').toString('hex')}`);
}

/** Small primes of the fingerprint, those modulo which powers of 65537 leave most residues out. */
const primes = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];

const powers = primes.map((prime) => ({ prime: BigInt(prime), residues: powersOf(65537 % prime, prime) }));

function powersOf(base: number, prime: number): ReadonlySet<number> {
  const found = new Set<number>();
  for (let power = 1; !found.has(power); power = (power * base) % prime) found.add(power);
  return found;
}

/** Keys of that generator are powers of 65537 modulo every small prime; others are so by a chance of 1 in 2²⁷. */
function isRoca(modulus: bigint): boolean {
  return powers.every(({ prime, residues }) => residues.has(Number(modulus % prime)));
}
