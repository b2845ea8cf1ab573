// Answers must never cross: many callers at once, every request with id 1, shared servers of every kind.
import { Agent, request } from 'node:http';
import { createKeyRepository, createPepper, type Store } from '@sallyport/guard';
import {
  loadConfig,
  openConfiguredStore,
  openKeys,
  systemClock,
  systemConfigPorts,
  systemRandom,
} from '@sallyport/gateway';
import {
  startGateway,
  startRecordingSocket,
  startRecordingSse,
  startRecordingUpstream,
  stubStdioCommand,
  waitFor,
  type Gateway,
} from '@sallyport/testkit';

/** What came of all calls. */
export interface CrossingResult {
  readonly calls: number;
  /** Answers that belong to another call. */
  readonly crossed: number;
  /** Calls without an answer, or refused. */
  readonly lost: number;
  /** What the first lost call got. */
  readonly firstLost: string | undefined;
  readonly seconds: number;
}

const servers = ['pipe', 'web', 'live', 'older'];
const roles = { everyone: { tools: ['*'] } };

/**
 * Sends `calls` calls from `callers` callers with a key each; every request has id 1 and arguments of its own.
 *
 * @param calls - in all
 * @param callers - that call at once
 */
export async function runCrossing(calls: number, callers: number): Promise<CrossingResult> {
  const [web, live, older] = await Promise.all([
    startRecordingUpstream({ isForgetful: true }),
    startRecordingSocket({ isForgetful: true }),
    startRecordingSse({ isForgetful: true }),
  ]);
  const gateway = await startGateway({
    config: {
      callers: { local: 'everyone' },
      roles,
      limits: { perAddress: '1000000/s burst 1000000' },
      audit: { durability: 'interval' },
      upstreams: {
        pipe: { command: stubStdioCommand() },
        web: { url: web.url },
        live: { url: live.url },
        older: { url: older.url, share: 'all' },
      },
    },
  });
  try {
    const keys = await makeKeys(gateway, callers);
    const agent = new Agent({ keepAlive: true, maxSockets: callers });
    const last = keys.at(-1) ?? '';
    await waitFor(async () => (await callOnce(agent, gateway, last, 'pipe__echo', 'warm')).kind === 'own', {
      what: 'the last key to work',
    });
    const started = performance.now();
    const tally = { crossed: 0, lost: 0, firstLost: undefined as string | undefined };
    let next = 0;
    await Promise.all(
      keys.map(async (key, caller) => {
        while (next < calls) {
          const call = next++;
          const tool = `${servers[call % servers.length]}__echo`;
          const outcome = await callOnce(agent, gateway, key, tool, `caller ${caller} call ${call}`);
          if (outcome.kind === 'crossed') tally.crossed += 1;
          if (outcome.kind === 'lost') {
            tally.lost += 1;
            tally.firstLost ??= outcome.text;
          }
        }
      }),
    );
    agent.destroy();
    return { calls, ...tally, seconds: (performance.now() - started) / 1000 };
  } finally {
    await gateway.stop();
    await Promise.all([web, live, older].map((server) => server.close()));
  }
}

async function makeKeys(gateway: Gateway, count: number): Promise<string[]> {
  const ports = systemConfigPorts();
  const loaded = await loadConfig([gateway.configPath], ports);
  if (!loaded.ok) throw new Error('the configuration cannot be read');
  const ring = await openKeys(loaded.config, ports);
  if ('fault' in ring) throw new Error(ring.message);
  const store = await openConfiguredStore(loaded.config);
  if ('fault' in store) throw new Error(store.message);
  return createKeys(store, createPepper(ring.current.pepper), count);
}

async function createKeys(store: Store, pepper: ReturnType<typeof createPepper>, count: number): Promise<string[]> {
  const repository = createKeyRepository(store, [pepper], systemClock, systemRandom);
  const keys: string[] = [];
  for (let i = 0; i < count; i++) {
    const made = await repository.create({ name: `caller-${i}`, roles: ['everyone'] });
    if ('fault' in made) throw new Error(made.message);
    keys.push(made.key);
  }
  await store.close();
  return keys;
}

type Outcome = { readonly kind: 'own' | 'crossed' } | { readonly kind: 'lost'; readonly text: string };

function callOnce(agent: Agent, gateway: Gateway, key: string, tool: string, mark: string): Promise<Outcome> {
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: {
      name: tool,
      arguments: { mark },
      _meta: {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientCapabilities': {},
      },
    },
  });
  return new Promise((resolve) => {
    const call = request(
      gateway.url,
      {
        agent,
        method: 'POST',
        headers: {
          authorization: `Bearer ${key}`,
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          accept: 'application/json, text/event-stream',
          'mcp-protocol-version': '2026-07-28',
          'mcp-method': 'tools/call',
          'mcp-name': tool,
        },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve(judge(text, mark)));
      },
    );
    call.on('error', (cause) => resolve({ kind: 'lost', text: String(cause) }));
    call.end(body);
  });
}

/** Every mark is unique, so an answer that holds a mark at all is either this call's or somebody else's. */
function judge(text: string, mark: string): Outcome {
  const found = /caller \d+ call \d+|warm/.exec(text)?.[0];
  if (found === undefined || text.includes('"isError":true')) return { kind: 'lost', text };
  return { kind: found === mark && text.includes('"id":1,') ? 'own' : 'crossed' };
}
