// Every dependency has a row in DEPENDENCIES.md: what for, who imports it, what else was weighed. That each is declared
// where it is imported and imported where it is declared is the step `unused`.
import { listPackages, readManifest, readText } from './tree.ts';

const document = 'DEPENDENCIES.md';

/** Rows of the document's tables: package name → the package folders that it names as importers. */
function readRows(text: string): ReadonlyMap<string, readonly string[]> {
  const rows = new Map<string, readonly string[]>();
  for (const line of text.split('\n')) {
    const cells = line.split('|').map((cell) => cell.trim());
    const name = /^`([^`]+)`$/.exec(cells[1] ?? '')?.[1];
    if (name !== undefined) {
      rows.set(name, (cells[3] ?? '').split(/[\s,]+/));
    }
  }
  return rows;
}

/**
 * Checks the document's rows against the manifests.
 * @returns one line per offence.
 */
export function checkDependencies(): string[] {
  const text = readText(document);
  if (text === undefined) {
    return [`${document} is missing`];
  }
  const rows = readRows(text);
  const packages = listPackages();
  const siblings = new Set(packages.map((entry) => entry.manifest.name));
  const problems: string[] = [];
  const needed = new Set(Object.keys(readManifest('package.json').devDependencies ?? {}));
  for (const { folder, manifest } of packages) {
    const declared = { ...manifest.dependencies, ...manifest.optionalDependencies, ...manifest.peerDependencies };
    for (const name of Object.keys(declared).filter((entry) => !siblings.has(entry))) {
      needed.add(name);
      if (rows.get(name)?.includes(folder) === false) {
        problems.push(`${document}: the row of ${name} does not name ${folder} as an importer`);
      }
    }
  }
  for (const name of needed) {
    if (!rows.has(name)) {
      problems.push(`${document}: no row for ${name}`);
    }
  }
  for (const name of rows.keys()) {
    if (!needed.has(name)) {
      problems.push(`${document}: has a row for ${name}, which nothing depends on`);
    }
  }
  return problems;
}
