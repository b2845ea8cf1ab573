// Runs the gateway on a configuration as `sallyport run` does, without its lines on the terminal, and prints its port.
// Usage: gateway.ts <configuration> <number of keys to make> [what they are like, JSON]. The keys go to `keys.json`
// beside it.
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { createKeyRepository, createPepper, type NewKey } from '@sallyport/guard';
import {
  loadConfig,
  openConfiguredStore,
  openKeys,
  startGateway,
  systemClock,
  systemConfigPorts,
  systemRandom,
  type Config,
} from '@sallyport/gateway';

const [file = '', keyCount = '1', likeness = '{}'] = process.argv.slice(2);
const like = JSON.parse(likeness) as Pick<NewKey, 'from'> & { readonly roles?: readonly string[] };
const configPorts = systemConfigPorts();
const loaded = await loadConfig([file], configPorts);
if (!loaded.ok) throw new Error(loaded.problems.map(({ message }) => message).join('\n'));
await makeKeys(loaded.config, Number(keyCount));

const onLog = ({ text }: { readonly text: string }) => console.error(text);
const gateway = await startGateway({ files: [file], config: loaded.config, configPorts, onLog });
if ('fault' in gateway) throw new Error(gateway.message, { cause: gateway.cause });
await gateway.settled;
const broken = gateway.status().servers.find(({ state, tools }) => state !== 'ready' || tools === 0);
if (broken !== undefined) throw new Error(`the gateway found ${broken.name} ${broken.state}`);
console.log(new URL(gateway.endpoint ?? '').port);

process.once('SIGTERM', () => void gateway.close(1000).then(() => process.exit(0)));

async function makeKeys(config: Config, count: number): Promise<void> {
  const ring = await openKeys(config, configPorts);
  if ('fault' in ring) throw new Error(ring.message);
  const store = await openConfiguredStore(config);
  if ('fault' in store) throw new Error(store.message);
  const repository = createKeyRepository(store, [createPepper(ring.current.pepper)], systemClock, systemRandom);
  const keys: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const made = await repository.create({ name: `caller-${index}`, roles: ['caller'], ...like });
    if ('fault' in made) throw new Error(made.message);
    keys.push(made.key);
  }
  await store.close();
  await writeFile(join(dirname(file), 'keys.json'), JSON.stringify(keys), { mode: 0o600 });
}
