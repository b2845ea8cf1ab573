/** Checks the signature of a token with one key that was chosen for it. */
import { compactVerify, errors } from 'jose';
import type { CompactToken } from './compact-form.ts';
import type { VerificationKey } from './key-document.ts';

/**
 * Verifies a signature. The algorithm is the key's: what the token says of it was compared before.
 *
 * @returns false for a signature that does not hold
 */
export async function verifySignature({ text }: CompactToken, key: VerificationKey): Promise<boolean> {
  try {
    await compactVerify(text, key.material, { algorithms: [key.algorithm] });
    return true;
  } catch (cause) {
    if (cause instanceof errors.JOSEError) return false;
    throw cause;
  }
}
