// Builds every public package and packs it: `sh scripts/with-node.sh scripts/pack.ts <folder>` leaves one tarball each
// in that folder. The repository itself runs from source; only tarballs hold `dist`.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { run } from './command.ts';
import { listFiles, listPackages, root, type Package } from './tree.ts';

/** Packages in an order in which each finds the declarations of those before it. */
function sortPackages(packages: readonly Package[]): Package[] {
  const sorted: Package[] = [];
  const add = (entry: Package): void => {
    if (sorted.includes(entry)) {
      return;
    }
    for (const name of Object.keys(entry.manifest.dependencies ?? {})) {
      const sibling = packages.find((other) => other.manifest.name === name);
      if (sibling !== undefined) {
        add(sibling);
      }
    }
    sorted.push(entry);
  };
  packages.forEach(add);
  return sorted;
}

async function must(name: string, args: readonly string[], cwd: string): Promise<string> {
  const { code, output } = await run(name, args, { cwd });
  if (code !== 0) {
    throw new Error(`${name} ${args.join(' ')} ended with ${code}\n${output}`);
  }
  return output;
}

const built = (entry: string): string => entry.replace(/^\.\/src\//, './dist/').replace(/\.tsx?$/, '');

/** The manifest that is published: entries point to `dist`, and nothing in it is of use only in the repository. */
function publishedManifest(folder: string): Record<string, unknown> {
  const source = JSON.parse(readFileSync(join(root, 'packages', folder, 'package.json'), 'utf8')) as Record<
    string,
    unknown
  >;
  const { devDependencies: _dev, scripts: _scripts, ...kept } = source;
  const entries = Object.entries((kept['exports'] ?? {}) as Record<string, string>).map(
    ([name, path]) => [name, { types: `${built(path)}.d.ts`, default: `${built(path)}.js` }] as const,
  );
  return { ...kept, exports: Object.fromEntries(entries) };
}

/** Compiles one package into its staging folder and puts everything beside it that a package needs. */
async function stage(entry: Package, packages: readonly Package[], staging: string): Promise<string> {
  const target = join(staging, entry.folder);
  const source = join(root, 'packages', entry.folder);
  mkdirSync(target, { recursive: true });
  const paths = packages.flatMap(({ folder, manifest }) =>
    Object.entries(manifest.exports ?? {}).map(
      ([name, path]) => [`${manifest.name}${name.slice(1)}`, [join(staging, folder, `${built(path)}.d.ts`)]] as const,
    ),
  );
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      declaration: true,
      rootDir: join(source, 'src'),
      outDir: join(target, 'dist'),
      typeRoots: [join(root, 'node_modules', '@types')],
      paths: Object.fromEntries(paths.filter(([name]) => name !== entry.manifest.name)),
    },
    include: [join(source, 'src/**/*.ts'), join(source, 'src/**/*.tsx')],
    exclude: ['*.test.ts', '*.test.tsx', '*.test-support.ts', 'fakes.ts'].map((name) => join(source, 'src/**', name)),
  };
  const project = join(staging, `${entry.folder}.tsconfig.json`);
  writeFileSync(project, JSON.stringify(config));
  await must('tsc', ['-p', project], root);
  for (const path of listFiles(`packages/${entry.folder}/src`, (file) => !/\.tsx?$/.test(file))) {
    const copy = join(target, 'dist', path.slice(`packages/${entry.folder}/src/`.length));
    mkdirSync(dirname(copy), { recursive: true });
    cpSync(join(root, path), copy);
  }
  if (existsSync(join(source, 'bin'))) {
    cpSync(join(source, 'bin'), join(target, 'bin'), { recursive: true });
  }
  for (const name of ['LICENSE', 'README.md']) {
    const own = join(source, name);
    cpSync(existsSync(own) ? own : join(root, name), join(target, name));
  }
  writeFileSync(join(target, 'package.json'), `${JSON.stringify(publishedManifest(entry.folder), null, 2)}\n`);
  return target;
}

/**
 * Builds, checks and packs every public package.
 * @param output folder for the tarballs; made when absent.
 * @returns the tarballs' paths.
 */
export async function pack(output: string): Promise<string[]> {
  const packages = sortPackages(listPackages().filter((entry) => entry.manifest.private !== true));
  const staging = mkdtempSync(join(tmpdir(), 'sallyport-pack-'));
  const tarballs: string[] = [];
  mkdirSync(output, { recursive: true });
  // The declarations of one package name types of libraries to the next.
  symlinkSync(join(root, 'node_modules'), join(staging, 'node_modules'), 'junction');
  try {
    for (const entry of packages) {
      const folder = await stage(entry, packages, staging);
      const printed = await must('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', output], folder);
      const name = /"filename":\s*"([^"]+)"/.exec(printed)?.[1];
      if (name === undefined) {
        throw new Error(`npm pack named no tarball for ${entry.manifest.name}:\n${printed}`);
      }
      await must('publint', ['run', join(output, name), '--strict'], root);
      tarballs.push(join(output, name));
    }
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
  return tarballs;
}

if (import.meta.main) {
  const output = process.argv[2];
  if (output === undefined) {
    console.error('Usage: sh scripts/with-node.sh scripts/pack.ts <folder for the tarballs>');
    process.exit(2);
  }
  for (const tarball of await pack(resolve(output))) {
    console.log(tarball);
  }
}
