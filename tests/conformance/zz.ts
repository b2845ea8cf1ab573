import { runSuite, failedRequirements, compareSuites } from './run-suite.ts';
import { startFixtureServer } from '../fixtures/conformance/server.ts';
import { startGateway, createKey } from '@sallyport/testkit';
import { mkdtempSync } from 'node:fs';
const f = await startFixtureServer();
const g = await startGateway({ config: { admin: false, callers: { anonymous: 'everyone' }, roles: { everyone: { tools: ['*'], resources: ['*'], prompts: ['*'] } }, limits: { perAddress: '10000/s burst 10000', concurrentPerCaller: 1000 }, upstreams: { fixture: { url: f.url, ask: ['elicitation', 'sampling', 'roots'] } } } });
const u = `http://localhost:${g.port}/mcp/fixture`;
for (const sel of [{ requirements: '2025-11-25' }, { requirements: '2026-07-28' }, { suite: 'all' }] as any[]) {
  const d = await runSuite({ url: f.url, ...sel, out: mkdtempSync('/tmp/so') });
  const x = await runSuite({ url: u, ...sel, out: mkdtempSync('/tmp/so') });
  console.log(JSON.stringify(sel), 'direct', d.scenarios.length, d.checksPassed, d.checksFailed, 'through', x.scenarios.length, x.checksPassed, x.checksFailed, failedRequirements(x).slice(0,3), compareSuites(d, x));
}
try { const k = await createKey(g.dir, { name: 'bot', role: 'everyone' }); console.log('key ok', k.length, /^sp_[a-z0-9]{12}_[\w-]{43}$/.test(k)); } catch (e) { console.log(String(e)); }
console.log(await g.stop(), g.stderr().slice(-300)); await f.close();
