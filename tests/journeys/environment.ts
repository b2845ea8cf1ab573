/** What a local server sees of the gateway's own environment: a gateway full of secrets, and a server that tells. */

import { randomBytes } from 'node:crypto';
import { postModern, runSallyport, startGateway, stubStdioCommand, waitFor } from '@sallyport/testkit';

/** What three servers of one gateway saw. */
export interface SeenEnvironments {
  /** The gateway's whole environment. */
  readonly own: Readonly<Record<string, string>>;
  /** Of a server that lists nothing. */
  readonly bare: Readonly<Record<string, string>>;
  /** Of one that lists HOME (inherited), TOKEN (from a variable of another name) and LOG (as written). */
  readonly listed: Readonly<Record<string, string>>;
  /** Of one that lists its own PATH. */
  readonly ownPath: Readonly<Record<string, string>>;
}

/** Names that look like what a person has around, each with a random value. */
const names = [
  'AWS_SECRET_ACCESS_KEY',
  'GITHUB_TOKEN',
  'FILES_TOKEN',
  'DATABASE_URL',
  'NODE_OPTIONS_LIKE',
  'npm_config_registry_token',
  'SALLYPORT_MASTER',
  'SSH_AUTH_SOCK',
  'LD_LIBRARY_PATH_LIKE',
  'lower_case',
];

/** Starts the gateway and asks each server for its environment. */
export async function seeEnvironments(): Promise<SeenEnvironments> {
  const env = Object.fromEntries(names.map((name) => [name, randomBytes(16).toString('hex')]));
  const command = stubStdioCommand();
  const gateway = await startGateway({
    env,
    config: {
      callers: { keys: true },
      roles: { reader: { tools: ['*'] } },
      upstreams: {
        bare: { command },
        listed: { command, env: { HOME: 'inherit', TOKEN: 'env:FILES_TOKEN', LOG: 'info' } },
        path: { command, env: { PATH: '/only/here' } },
      },
    },
  });
  try {
    const words = ['keys', 'create', '--name', 'asker', '--role', 'reader', '--json'];
    const created = await runSallyport(words, gateway.dir, { env });
    const { key } = JSON.parse(created.stdout) as { readonly key: string };
    const ask = async (server: string): Promise<Record<string, string>> => {
      const params = { name: 'env', arguments: {} };
      const request = { method: 'tools/call', params, key };
      const answer = await waitFor(
        async () => {
          const given = await postModern(`${gateway.url}/${server}`, request);
          return given.status === 200 && given;
        },
        { what: 'the key to work' },
      );
      const content = answer.response?.result?.['content'] as readonly { readonly text: string }[] | undefined;
      return JSON.parse(content?.[0]?.text ?? '{}') as Record<string, string>;
    };
    return {
      own: { ...env, HOME: gateway.dir, LANG: 'C.UTF-8' },
      bare: await ask('bare'),
      listed: await ask('listed'),
      ownPath: await ask('path'),
    };
  } finally {
    await gateway.stop();
  }
}

/** Names of the gateway's variables that a server saw by name or by value, other than those it was given. */
export function leaked(
  seen: Readonly<Record<string, string>>,
  own: Readonly<Record<string, string>>,
  given: readonly string[],
): string[] {
  const text = JSON.stringify(Object.entries(seen).filter(([name]) => !given.includes(name)));
  return Object.entries(own).flatMap(([name, value]) =>
    given.includes(name) || (!(name in seen) && !text.includes(value)) ? [] : [name],
  );
}
