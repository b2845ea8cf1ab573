import { describe, expect, it } from 'vitest';
import { listImports } from './imports.ts';

describe('listImports', () => {
  it('finds an import that spans lines at the line of its source', () => {
    const text = "import {\n  a,\n  b,\n} from './a.ts';\n";
    expect(listImports(text)).toEqual([{ line: 4, specifier: './a.ts', isReExport: false, isTypeOnly: false }]);
  });

  it('tells re-exports and types from imports', () => {
    const text = "export { a } from './a.ts';\nimport type { B } from 'b';\nexport type {\n  C,\n} from './c.ts';\n";
    expect(listImports(text).map(({ isReExport, isTypeOnly }) => [isReExport, isTypeOnly])).toEqual([
      [true, false],
      [false, true],
      [true, true],
    ]);
  });

  it('finds side-effect and dynamic imports, and nothing in comments', () => {
    const text = "import './a.ts';\nconst b = await import('b');\n// import 'c';\n * import { d } from 'd';\n";
    expect(listImports(text).map((found) => found.specifier)).toEqual(['./a.ts', 'b']);
  });
});
