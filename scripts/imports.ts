// Finds what a TypeScript file imports, by line. A scan of the text is enough, because the formatter leaves `from '…'`
// on one line and comments begin their lines.

/** One import or re-export. */
export interface Import {
  readonly line: number;
  readonly specifier: string;
  /** True for `export … from`. */
  readonly isReExport: boolean;
  /** True for `import type` and `export type`, which leave nothing at run time. */
  readonly isTypeOnly: boolean;
}

const statement = /^\s*(?:\}\s*from|(import|export)\b.*?\bfrom|import)\s*['"]([^'"]+)['"]/;
const dynamic = /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;
const comment = /^\s*(?:\/\/|\/\*|\*)/;

/**
 * Lists a file's imports, re-exports and dynamic imports.
 * @param text the file's source.
 */
export function listImports(text: string): Import[] {
  const imports: Import[] = [];
  let opening = '';
  for (const [index, line] of text.split('\n').entries()) {
    if (comment.test(line)) {
      continue;
    }
    if (/^(?:import|export)\b/.test(line)) {
      opening = line;
    }
    const found = statement.exec(line);
    if (found?.[2] !== undefined) {
      const head = found[1] === undefined && line.trimStart().startsWith('}') ? opening : line;
      imports.push({
        line: index + 1,
        specifier: found[2],
        isReExport: /^export\b/.test(head),
        isTypeOnly: /^(?:import|export) type\b/.test(head),
      });
      continue;
    }
    for (const match of line.matchAll(dynamic)) {
      imports.push({ line: index + 1, specifier: match[1] ?? '', isReExport: false, isTypeOnly: false });
    }
  }
  return imports;
}
