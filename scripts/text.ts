// What must not stand in any text of the repository: paths of somebody's machine, unfinished work, download addresses.
import { listFiles, readText } from './tree.ts';

interface Rule {
  readonly what: string;
  readonly pattern: RegExp;
  /** Decides by path; a file that is not named is not looked at. */
  readonly applies: (path: string) => boolean;
}

const isCode = (path: string): boolean => /\.(?:tsx?|mjs|sh)$/.test(path);

// Written so that no pattern matches its own line.
const rules: readonly Rule[] = [
  {
    what: 'a path of one machine',
    pattern: /\/(?:wor[k]|far[m]|roo[t]|home\/[a-z]+)\//,
    applies: (path) => path !== 'package-lock.json',
  },
  {
    what: 'work left undone',
    pattern: /\b(?:TO[D]O|FIX[M]E|XX[X])\b|\bnot implemente[d]\b|\bplaceholde[r]\b/,
    applies: isCode,
  },
  {
    what: 'a download address',
    pattern: /"resolved": "htt[p]/,
    applies: (path) => path.endsWith('package-lock.json'),
  },
  {
    what: 'a type check switched off',
    pattern: /@ts-(?:ignor[e]|expect-erro[r]|nochec[k])/,
    applies: (path) => isCode(path) && path.startsWith('packages/'),
  },
];

const isText = (path: string): boolean =>
  /\.(?:tsx?|mjs|js|json|jsonl|md|ya?ml|sh|txt|html|css)$/.test(path) || !/\.[a-z0-9]+$/.test(path);

/**
 * Looks through every text file for what must not be there.
 * @returns one line per offence, `file:line: what`.
 */
export function checkText(): string[] {
  const problems: string[] = [];
  for (const path of listFiles('.', isText)) {
    const active = rules.filter((rule) => rule.applies(path));
    for (const [index, line] of (readText(path) ?? '').split('\n').entries()) {
      for (const rule of active) {
        if (rule.pattern.test(line)) {
          problems.push(`${path}:${index + 1}: ${rule.what}: ${line.trim().slice(0, 100)}`);
        }
      }
    }
  }
  return problems;
}
