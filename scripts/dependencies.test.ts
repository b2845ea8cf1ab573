import { describe, expect, it } from 'vitest';
import { checkDependencies } from './dependencies.ts';
import { listPackages, readText } from './tree.ts';

interface LockedPackage {
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly link?: boolean;
  readonly hasInstallScript?: boolean;
}

/** Most packages of others that a production install may bring. */
const mostPackages = 60;

const lock = JSON.parse(readText('package-lock.json') ?? '{}') as {
  readonly packages: Readonly<Record<string, LockedPackage>>;
};
const production = Object.entries(lock.packages).filter(
  ([path, entry]) => path.includes('node_modules/') && entry.dev !== true && entry.link !== true,
);

describe('dependencies', () => {
  it('[few-dependencies] are each explained in DEPENDENCIES.md', () => {
    expect(checkDependencies()).toEqual([]);
  });

  it('[few-dependencies] are pinned to one version', () => {
    const loose = listPackages().flatMap(({ folder, manifest }) =>
      Object.entries(manifest.dependencies ?? {}).flatMap(([name, version]) =>
        /^\d+\.\d+\.\d+$/.test(version) ? [] : [`${folder}: ${name} ${version}`],
      ),
    );
    expect(loose).toEqual([]);
  });

  it('[few-dependencies] are few and run no install script where they are used in production', () => {
    expect(production.length).toBeGreaterThan(5);
    expect(production.length).toBeLessThan(mostPackages);
    expect(production.filter(([, entry]) => entry.hasInstallScript === true).map(([path]) => path)).toEqual([]);
  });
});
