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

/** The tools that hold a word, and how much it counts in each. */
interface Postings {
  readonly at: number[];
  readonly weight: number[];
}

/** Tools, ready to be asked. */
export interface Ranking {
  /** Takes in one more tool; its position is the number of those before it. */
  add(document: Document): void;
  /** Positions of the tools that fit, the best first; equal ones in the order in which they were taken in. */
  rank(question: string): readonly number[];
}

/** Makes a ranking without tools. */
export function createRanking(): Ranking {
  const postings = new Map<string, Postings>();
  const lengths: number[] = [];
  let total = 0;

  function add({ words, length }: Document): void {
    const at = lengths.length;
    lengths.push(length);
    total += length;
    for (const [word, weight] of words) {
      let known = postings.get(word);
      if (known === undefined) {
        known = { at: [], weight: [] };
        postings.set(word, known);
      }
      known.at.push(at);
      known.weight.push(weight);
    }
  }

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

  /** Of several words that stand for one the best counts, so that a tool cannot win by repeating itself. */
  function scoreWord(word: string, best: Float64Array): void {
    const count = lengths.length;
    const average = Math.max(1, total / Math.max(1, count));
    for (const [known, share] of standIns(word)) {
      const holders = postings.get(known);
      if (holders === undefined) continue;
      const rarity = Math.log(1 + (count - holders.at.length + 0.5) / (holders.at.length + 0.5));
      for (let index = 0; index < holders.at.length; index++) {
        const at = holders.at[index] ?? 0;
        const weight = holders.weight[index] ?? 0;
        const norm = k1 * (1 - b + (b * (lengths[at] ?? average)) / average);
        const score = (share * rarity * weight * (k1 + 1)) / (weight + norm);
        if (score > (best[at] ?? 0)) best[at] = score;
      }
    }
  }

  function rank(question: string): readonly number[] {
    const asked = [...new Set(wordsOf(question, true))].slice(0, mostAsked);
    const scores = new Float64Array(lengths.length);
    const best = new Float64Array(lengths.length);
    for (const word of asked) {
      best.fill(0);
      scoreWord(word, best);
      for (let at = 0; at < scores.length; at++) scores[at] = (scores[at] ?? 0) + (best[at] ?? 0);
    }
    const found: number[] = [];
    for (let at = 0; at < scores.length; at++) if ((scores[at] ?? 0) > 0) found.push(at);
    return found.sort((one, other) => (scores[other] ?? 0) - (scores[one] ?? 0) || one - other);
  }

  return { add, rank };
}
