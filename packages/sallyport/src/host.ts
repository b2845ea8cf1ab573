/** The machine as the commands see it, passed in so that tests can stand on a made-up one. */
import { homedir, userInfo } from 'node:os';

/** Folders, environment and kind of the machine that a command runs on. */
export interface Host {
  /** Absolute. */
  readonly home: string;
  /** Absolute. */
  readonly cwd: string;
  readonly platform: NodeJS.Platform;
  readonly env: NodeJS.ProcessEnv;
  /** The user's login name. */
  readonly user: string;
}

/** Describes this process's machine. */
export function processHost(): Host {
  return { home: homedir(), cwd: process.cwd(), platform: process.platform, env: process.env, user: userName() };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A user id without an entry in the password file, as in many containers.
    return String(process.getuid?.() ?? 'user');
  }
}
