// The system programs that tests use, and the Debian packages that bring them.
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run } from './command.ts';

/** A system program that tests need. */
interface Need {
  /** Debian package. */
  readonly package: string;
  /** Program whose presence on the PATH shows that the package is there. */
  readonly probe: string;
  /** The tests that need it. */
  readonly tests: string;
}

const needs: readonly Need[] = [
  { package: 'bubblewrap', probe: 'bwrap', tests: 'faults: servers behind walls' },
  { package: 'curl', probe: 'curl', tests: 'journeys: plain calls' },
  { package: 'git', probe: 'git', tests: 'journeys: fresh clone' },
  { package: 'mount', probe: 'mount', tests: 'faults: a full audit disk' },
  { package: 'procps', probe: 'ps', tests: 'faults: orphaned processes' },
  { package: 'util-linux', probe: 'setpriv', tests: 'faults: files that others may read' },
];

function isOnPath(program: string): boolean {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * Installs the Debian packages that tests need and that are missing, when that is possible here; else says which.
 * @returns false when an installation was tried and failed.
 */
export async function installNeeds(): Promise<boolean> {
  const missing = needs.filter((need) => !isOnPath(need.probe));
  if (missing.length === 0) {
    return true;
  }
  const names = missing.map((need) => need.package);
  if (process.getuid?.() !== 0 || !isOnPath('apt-get')) {
    for (const need of missing) {
      console.log(
        `Missing program '${need.probe}' for ${need.tests}: install '${need.package}' with your package manager.`,
      );
    }
    return true;
  }
  console.log(`Installing Debian packages for tests: ${names.join(', ')}`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['update', '-q'], { env });
  const { code, output } = await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...names], { env });
  if (code !== 0) {
    console.log(`${output}\nInstalling ${names.join(', ')} failed.`);
  }
  return code === 0;
}
