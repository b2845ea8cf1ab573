/**
 * Ranks tools by how well they fit a question: BM25 over the words of their fields, of which names count most. It sees
 * nothing but the tools it was made from, so what it answers tells nothing of any other.
 */
import { relatedTo } from './related.ts';
import { wordsOf } from './words.ts';

/** What is known of a tool, by how much its words count. */
export interface Fields {
  readonly name: string;
  readonly title: string;
  readonly server: string;
  readonly description: string;
  readonly arguments: readonly string[];
  readonly argumentTexts: string;
}

/** The words of one tool with their weights. */
export interface Document {
  readonly words: ReadonlyMap<string, number>;
  /** Sum of all weights. */
  readonly length: number;
}

const weights = { name: 3, title: 2, server: 1.5, description: 1, arguments: 1, argumentTexts: 0.4 } as const;

/** Weights of words that are not the asked one: its beginning, and another word for the same. */
const beginning = 0.5;
const sameMeaning = 0.4;

/** Words of a question that count. */
const mostAsked = 16;
/** Words that begin with an asked one and count for it. */
const mostBeginnings = 16;
/** Shortest asked word that stands for all that begin with it. */
const shortestBeginning = 3;

// The usual constants; descriptions differ in length for no good reason, so length counts half.
const k1 = 1.2;
const b = 0.5;

/** Reads the words of a tool. */
export function readDocument(fields: Fields): Document {
  const words = new Map<string, number>();
  let length = 0;
  const take = (text: string, weight: number): void => {
    for (const word of wordsOf(text)) {
      words.set(word, (words.get(word) ?? 0) + weight);
      length += weight;
    }
  };
  take(fields.name, weights.name);
  take(fields.title, weights.title);
  take(fields.server, weights.server);
  take(fields.description, weights.description);
  take(fields.arguments.join(' '), weights.arguments);
  take(fields.argumentTexts, weights.argumentTexts);
  return { words, length };
}

interface Posting {
  readonly at: number;
  readonly weight: number;
}

/** Tools, ready to be asked. */
export interface Ranking {
  /** Positions of the tools that fit, the best first; equal ones in the order in which they were given. */
  rank(question: string): readonly number[];
}

/** Makes a ranking. `documents` in the order of the tools. */
export function createRanking(documents: readonly Document[]): Ranking {
  const postings = new Map<string, Posting[]>();
  let total = 0;
  for (const [at, { words, length }] of documents.entries()) {
    total += length;
    for (const [word, weight] of words) {
      const known = postings.get(word);
      if (known === undefined) postings.set(word, [{ at, weight }]);
      else known.push({ at, weight });
    }
  }
  const average = documents.length === 0 ? 1 : Math.max(1, total / documents.length);

  /** The words of the tools that stand for an asked one, and how much. */
  function standIns(word: string): ReadonlyMap<string, number> {
    const found = new Map<string, number>();
    if (word.length >= shortestBeginning) {
      for (const known of postings.keys()) {
        if (known.length > word.length && known.startsWith(word)) found.set(known, beginning);
        if (found.size === mostBeginnings) break;
      }
    }
    for (const other of relatedTo(word)) if (postings.has(other)) found.set(other, sameMeaning);
    if (postings.has(word)) found.set(word, 1);
    return found;
  }

  function rank(question: string): readonly number[] {
    const asked = [...new Set(wordsOf(question, true))].slice(0, mostAsked);
    const scores = new Map<number, number>();
    for (const word of asked) {
      // Of several words that stand for one the best counts, so that a tool cannot win by repeating itself.
      const best = new Map<number, number>();
      for (const [known, share] of standIns(word)) {
        const holders = postings.get(known) ?? [];
        const rarity = Math.log(1 + (documents.length - holders.length + 0.5) / (holders.length + 0.5));
        for (const { at, weight } of holders) {
          const length = documents[at]?.length ?? average;
          const frequency = (weight * (k1 + 1)) / (weight + k1 * (1 - b + (b * length) / average));
          const score = share * rarity * frequency;
          if (score > (best.get(at) ?? 0)) best.set(at, score);
        }
      }
      for (const [at, score] of best) scores.set(at, (scores.get(at) ?? 0) + score);
    }
    return [...scores].toSorted(([one, first], [other, second]) => second - first || one - other).map(([at]) => at);
  }

  return { rank };
}
