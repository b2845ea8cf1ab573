/** Finds a program as starting it would: by its path, or on the search path. */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import type { Host } from './host.ts';

/**
 * Finds a program.
 *
 * @param cwd where it would be started
 * @param path folders to search when the program is only a name, as PATH has them
 * @returns its full path, or nothing
 */
export async function findProgram(program: string, cwd: string, path: string, host: Host): Promise<string | undefined> {
  const folders = /[\\/]/.test(program) ? [''] : path.split(delimiter).filter((folder) => folder !== '');
  const endings = host.platform === 'win32' ? ['', '.exe', '.cmd', '.bat'] : [''];
  for (const folder of folders) {
    for (const ending of endings) {
      const candidate = folder === '' ? (isAbsolute(program) ? program : join(cwd, program)) : join(folder, program);
      const isProgram = await access(candidate + ending, constants.X_OK).then(
        () => true,
        () => false,
      );
      if (isProgram) return candidate + ending;
    }
  }
  return undefined;
}
