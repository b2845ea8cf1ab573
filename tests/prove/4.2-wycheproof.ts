// Row 4.2: Project Wycheproof's vectors for JSON Web Signatures and Keys.
import { corpusOrSkip } from '@sallyport/testkit';
import { exceptions, runVectors, vectorFiles } from '../attacks/wycheproof.ts';
import type { Prove } from './result.ts';

export const prove: Prove = async () => {
  const corpus = corpusOrSkip('wycheproof');
  if (!corpus.isHere) throw new Error(corpus.skip);
  const details: string[] = [];
  const unlisted: string[] = [];
  let invalid = 0;
  let accepted = 0;
  for (const { file, count } of vectorFiles) {
    const outcomes = await runVectors(corpus.path, file);
    if (outcomes.length !== count) unlisted.push(`${file} has ${outcomes.length} vectors, not ${count}`);
    const isEncrypted = file.includes('encryption');
    const bad = outcomes.filter(({ expected }) => expected === 'invalid');
    const good = outcomes.filter(({ expected }) => expected === 'valid');
    invalid += bad.length;
    accepted += bad.filter(({ isAccepted, tcId }) => isAccepted && exceptions[`${file} ${tcId}`] === undefined).length;
    const took = good.filter(({ isAccepted }) => isAccepted).length;
    details.push(
      isEncrypted
        ? `${file}: ${outcomes.length} of ${outcomes.length} refused as unsupported`
        : `${file}: ${bad.length} invalid, ${took} of ${good.length} valid accepted`,
    );
    for (const { tcId, expected, isAccepted } of outcomes) {
      const isOdd = isAccepted !== (expected === 'valid' && !isEncrypted);
      if (isOdd && exceptions[`${file} ${tcId}`] === undefined) unlisted.push(`${file} ${tcId} is ${expected}`);
    }
  }
  return {
    figure: `${accepted} of ${invalid} invalid accepted, ${Object.keys(exceptions).length} exceptions listed`,
    isMet: accepted === 0 && unlisted.length === 0,
    details: [...details, ...unlisted, ...Object.entries(exceptions).map(([vector, why]) => `${vector}: ${why}`)],
  };
};
