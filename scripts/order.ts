// The order of packages: protocol ← guard ← {server, oauth, generator} ← gateway ← sallyport. A package imports what
// stands before it, by name only; a package's index file is its only barrel. (Cycles and default exports: the linter.)
import { posix } from 'node:path';
import { listImports, type Import } from './imports.ts';
import { listFiles, listPackages, readText, type Package } from './tree.ts';

/** For each package folder, the sibling folders that its sources may import. */
const before: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  guard: ['protocol'],
  oauth: ['protocol', 'guard'],
  generator: ['protocol', 'guard'],
  server: ['protocol', 'guard', 'oauth'],
  gateway: ['protocol', 'guard', 'oauth', 'generator', 'server'],
  console: ['gateway'],
  sallyport: ['protocol', 'guard', 'oauth', 'generator', 'server', 'gateway'],
  testkit: ['protocol', 'guard', 'oauth', 'generator', 'server', 'gateway'],
};

/** A line by which a file has something of its own. */
const declaration = /^(?:export )?(?:abstract |async )?(?:const|let|function|class|interface|type \w)/m;

const isTest = (path: string): boolean => /\.test\.tsx?$/.test(path);

/** Says what is wrong with one import, or nothing. */
function judge(path: string, found: Import, packages: ReadonlyMap<string, Package>): string | undefined {
  const own = /^packages\/([^/]+)\//.exec(path)?.[1];
  if (found.specifier.startsWith('.')) {
    const target = posix.join(posix.dirname(path), found.specifier);
    const owner = /^packages\/([^/]+)\//.exec(target)?.[1];
    if (own !== owner && (own !== undefined || owner !== undefined)) {
      return `reaches out of its package to ${target}; import the package by name`;
    }
    return undefined;
  }
  const name = [...packages.keys()].find((key) => found.specifier === key || found.specifier.startsWith(`${key}/`));
  const target = name === undefined ? undefined : packages.get(name);
  if (name === undefined || target === undefined) {
    return undefined;
  }
  const entry = `.${found.specifier.slice(name.length)}`;
  if (target.manifest.exports?.[entry] === undefined) {
    return `${name} has no entry '${entry}': nothing reaches into a sibling's inside`;
  }
  if (own === undefined || own === target.folder) {
    return undefined;
  }
  if (target.folder === 'testkit') {
    return isTest(path) ? undefined : 'testkit is for tests only';
  }
  if (!(before[own] ?? []).includes(target.folder)) {
    return `${own} stands before ${target.folder} and must not import it`;
  }
  if (own === 'console' && !found.isTypeOnly) {
    return "the console knows the admin API's types only: use `import type`";
  }
  return undefined;
}

/**
 * Checks every source file's imports against the order of packages.
 * @returns one line per offence, `file:line: what is wrong`.
 */
export function checkOrder(): string[] {
  const packages = new Map(listPackages().map((entry) => [entry.manifest.name, entry]));
  const problems = [...packages.values()]
    .filter((entry) => before[entry.folder] === undefined)
    .map((entry) => `packages/${entry.folder}: has no place in the order of packages (scripts/order.ts)`);
  const sources = ['packages', 'tests', 'scripts', 'promises', 'benchmarks', 'examples'].flatMap((folder) =>
    listFiles(folder, (path) => /\.tsx?$/.test(path)),
  );
  for (const path of sources) {
    const text = readText(path) ?? '';
    const imports = listImports(text);
    for (const found of imports) {
      const problem = judge(path, found, packages);
      if (problem !== undefined) {
        problems.push(`${path}:${found.line}: ${problem}`);
      }
    }
    const reExport = imports.find((found) => found.isReExport);
    if (reExport !== undefined && !declaration.test(text) && !/^packages\/[^/]+\/src\/index\.ts$/.test(path)) {
      problems.push(
        `${path}:${reExport.line}: only hands on what others export; a package's index.ts is its one barrel`,
      );
    }
    for (const [index, line] of text.split('\n').entries()) {
      if (line.startsWith('export *')) {
        problems.push(`${path}:${index + 1}: \`export *\` hides names; list them`);
      }
    }
  }
  return problems;
}
