/**
 * Turns names, descriptions and questions into words that can be compared: identifiers are split, endings are cut, and
 * scripts without spaces are read in pairs of characters. Pure, without a model, the same on every machine.
 */

/** Longest text that is read, UTF-16 units: descriptions come from servers, questions from callers. */
export const longestText = 4096;

/** Most words of one text. */
const mostWords = 512;

const run = /[\p{L}\p{N}\p{M}]+/gu;

/** Scripts that are written without spaces, or whose words are glued: pairs of characters stand for words. */
const dense =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}ー]+/gu;

/** Between the parts of an identifier: `readFile`, `HTTPServer`, `base64Text`. */
const seam = /(?<=\p{Ll})(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})|(?<=\p{L})(?=\p{N})|(?<=\p{N})(?=\p{L})/u;

/** Words that say nothing about what is sought. */
const empty = new Set(
  (
    'a an the and or of in on at to for from with by as is are be was this that these those it its i me my we our you ' +
    'your he she they them can could should would will do does please want need how what which who when where if then ' +
    'so not no any some into about tool tools use used using'
  ).split(' '),
);

/** Splits a text into words in their order; `isQuestion` drops words that say nothing, where others remain. */
export function wordsOf(text: string, isQuestion = false): readonly string[] {
  const words: string[] = [];
  for (const [found] of text.slice(0, longestText).normalize('NFKC').matchAll(run)) {
    splitRun(found, words);
    if (words.length >= mostWords) break;
  }
  const told = isQuestion ? words.filter((word) => !empty.has(word)) : words;
  return (told.length === 0 ? words : told).slice(0, mostWords).map(stemOf);
}

/** Most words are written in one case and in Latin letters, and have nothing to be split at. */
const whole = /^[a-z]+$/;

function splitRun(text: string, words: string[]): void {
  if (whole.test(text)) {
    words.push(text);
    return;
  }
  let from = 0;
  for (const found of text.matchAll(dense)) {
    if (found.index > from) splitIdentifier(text.slice(from, found.index), words);
    pairs(found[0], words);
    from = found.index + found[0].length;
  }
  if (from < text.length) splitIdentifier(text.slice(from), words);
}

function splitIdentifier(text: string, words: string[]): void {
  const parts = text.split(seam);
  for (const part of parts) words.push(part.toLowerCase());
  // Whoever asks for `getuser` or `oauth2` means the whole.
  if (parts.length > 1) words.push(text.toLowerCase());
}

function pairs(text: string, words: string[]): void {
  const characters = [...text.toLowerCase()];
  if (characters.length === 1) words.push(characters.join(''));
  for (let at = 0; at + 1 < characters.length; at++) words.push(`${characters[at] ?? ''}${characters[at + 1] ?? ''}`);
}

const doubled = /(b|d|g|m|n|p|r|t)\1$/;

/** Cuts English endings, so that `deletes`, `deleting` and `deleted` are one word. Other words stay as they are. */
export function stemOf(word: string): string {
  if (!whole.test(word) || word.length < 4) return word;
  let stem = word;
  if (stem.endsWith('ies') && stem.length > 4) stem = `${stem.slice(0, -3)}y`;
  else if (/(?:ss|x|z|ch|sh)es$/.test(stem)) stem = stem.slice(0, -2);
  else if (stem.endsWith('s') && !/(?:ss|us|is)$/.test(stem)) stem = stem.slice(0, -1);
  if (stem.endsWith('ing') && stem.length > 5) stem = stem.slice(0, -3).replace(doubled, '$1');
  else if (stem.endsWith('ed') && stem.length > 4) stem = stem.slice(0, -2).replace(doubled, '$1');
  return stem.length > 4 && stem.endsWith('e') ? stem.slice(0, -1) : stem;
}
