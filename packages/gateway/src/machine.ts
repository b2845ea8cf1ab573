/** What a configuration asks for that this machine cannot do, found before anything is started. */
import type { Problem } from './config/problem.ts';
import { entryOf } from './config/node.ts';
import type { Config, UpstreamConfig } from './config/types.ts';
import { defineStdio, surroundingsOf } from './servers.ts';
import { preparePorts, prepareCommand, type PreparePorts } from './upstreams/stdio/prepare.ts';

/** Returns a problem for each server that cannot be started within the limits and walls that its entry asks for. */
export async function findMachineProblems(
  config: Config,
  ports: PreparePorts = preparePorts,
): Promise<readonly Problem[]> {
  const surroundings = surroundingsOf(config);
  const problems: Problem[] = [];
  for (const upstream of config.upstreams) {
    if (upstream.kind !== 'stdio') continue;
    const prepared = await prepareCommand(defineStdio(upstream, surroundings), ports);
    if (prepared.kind !== 'fault') continue;
    const { file, line, column } = placeOf(config, upstream, prepared.key);
    problems.push({
      code: 'machine',
      ...{ file, line, column },
      length: prepared.key.length,
      message: `${upstream.name} cannot be started: ${prepared.message}`,
      suggestion: prepared.wayOut,
    });
  }
  return problems;
}

function placeOf({ tree }: Config, upstream: UpstreamConfig, key: string): UpstreamConfig['origin'] {
  const upstreams = entryOf(tree, 'upstreams')?.value;
  const entry = upstreams?.kind === 'map' ? entryOf(upstreams, upstream.name)?.value : undefined;
  return (entry?.kind === 'map' ? entryOf(entry, key)?.keyOrigin : undefined) ?? upstream.origin;
}
