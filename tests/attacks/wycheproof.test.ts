// Wycheproof's vectors against what judges tokens: no invalid one is accepted, and every exception has a reason.
import { corpusOrSkip } from '@sallyport/testkit';
import { describe, expect, it } from 'vitest';
import { exceptions, runVectors, vectorFiles } from './wycheproof.ts';

const corpus = corpusOrSkip('wycheproof');

describe.skipIf(!corpus.isHere)('vectors of Wycheproof', () => {
  it.each(vectorFiles)(
    '[jwt] come out as they are marked, or as an exception says: $file',
    async ({ file, count, invalid }) => {
      const outcomes = await runVectors(corpus.path, file);
      expect(outcomes).toHaveLength(count);
      expect(outcomes.filter(({ expected }) => expected === 'invalid')).toHaveLength(invalid);
      const isEncrypted = file.includes('encryption');
      const odd = outcomes.filter(({ expected, isAccepted }) => isAccepted !== (expected === 'valid' && !isEncrypted));
      const listed = Object.keys(exceptions).filter((key) => key.startsWith(`${file} `));
      expect(odd.map(({ tcId }) => `${file} ${tcId}`)).toEqual(listed);
    },
  );

  it('[jwt] that are marked invalid are never accepted, but for two whose bytes are those of a valid one', async () => {
    for (const { file } of vectorFiles) {
      const outcomes = await runVectors(corpus.path, file);
      const valid = new Set(outcomes.flatMap(({ expected, input }) => (expected === 'valid' ? [input] : [])));
      const wrong = outcomes.filter(({ expected, isAccepted }) => expected === 'invalid' && isAccepted);
      expect(wrong.filter(({ input }) => !valid.has(input))).toEqual([]);
    }
  });

  it('[jwt] with encryption are refused by their form, all 139, without looking for a key', async () => {
    const outcomes = await runVectors(corpus.path, 'json_web_encryption_test.json');
    const notes = new Set(outcomes.map(({ note }) => note));
    expect(outcomes.filter(({ isAccepted }) => isAccepted)).toEqual([]);
    expect([...notes].every((note) => /five parts|three parts|compact form/.test(note))).toBe(true);
  });
});
