// Row 4.8: old TLS, certificates of callers, words of proxies, and the certificate of the door replaced under load.
import { runCertificateSwap } from '../faults/certificate-swap.ts';
import type { Prove } from './result.ts';
import { failuresOf, runTestFiles } from './test-files.ts';

const size = { swaps: 40, keeping: 16, coming: 16 };

/** Milliseconds from a replacement to the first handshake with the new certificate. */
const goalMs = 1000;

export const prove: Prove = async () => {
  const swap = await runCertificateSwap(size);
  const outcomes = await runTestFiles(
    'tests/attacks/tls.test.ts',
    'tests/attacks/proxy-headers.test.ts',
    'tests/faults/certificate-swap.test.ts',
  );
  const held = outcomes.filter(({ isPassed }) => isPassed).length;
  const number = (value: number): string => value.toLocaleString('en');
  return {
    figure:
      `${size.swaps} replacements under ${number(swap.calls)} calls: ${swap.dropped} dropped, ` +
      `each in force within ${swap.slowestMs.toFixed(0)} ms; ${held} of ${outcomes.length} cases as designed`,
    isMet: swap.dropped === 0 && swap.isKept && swap.slowestMs <= goalMs && held === outcomes.length,
    details: [
      `${swap.stale} handshakes with a certificate that had been replaced more than a second before`,
      `a connection from before the first replacement ${swap.isKept ? 'was' : 'was not'} there after the last`,
      ...(swap.firstFault === undefined ? [] : [`the first dropped call: ${swap.firstFault}`]),
      ...failuresOf(outcomes),
    ],
  };
};
