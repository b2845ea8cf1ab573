import { describe, expect, it } from 'vitest';
import type { AcceptedDefinition, Admitted, Target } from '../exchange.ts';
import { makePorts, makeRules, readTarget, resolved } from '../exchange.fixture.ts';
import { NO_GRANT_NEEDED } from '../policy/decision.ts';
import { describeRefusal, isRefusal } from '../refusals.ts';
import { inspect } from './inspect.ts';

function admitted(more: Parameters<typeof resolved>[0] = {}): Admitted {
  return Object.assign(resolved(more), { decision: NO_GRANT_NEEDED, lease: { release: () => undefined } });
}

function withDefinition(definition: Partial<AcceptedDefinition>, target: Target = readTarget): Target {
  return { ...target, definition: { digest: 'd', ...definition } };
}

const fault = { path: '/path', keyword: 'type', message: 'must be a string' };

describe('inspect', () => {
  it('digests the very bytes of the arguments', () => {
    const value =
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read","arguments":{ "path" : "a" }}}';
    const ports = makePorts({ digest: (bytes) => Buffer.from(bytes).toString() });
    expect(inspect(admitted({ value }), ports)).toMatchObject({ args: { digest: '{ "path" : "a" }', bytes: 16 } });
  });

  it('digests nothing where there are no arguments', () => {
    const value = { id: 1, method: 'tools/call', params: { name: 'read' } };
    expect(inspect(admitted({ value }), makePorts())).toMatchObject({
      args: { digest: 'digest of 0 bytes', bytes: 0 },
    });
  });

  it('keeps no facts of methods that leave no intent', () => {
    const inspected = inspect(admitted({ value: { id: 1, method: 'tools/list' } }), makePorts());
    expect(inspected).not.toHaveProperty('args');
  });

  it('refuses arguments that the schema does not allow, naming place and keyword', () => {
    const refused = inspect(admitted({ target: withDefinition({ checkArguments: () => fault }) }), makePorts());
    expect(refused).toMatchObject({
      name: 'bad-arguments',
      data: { path: '/path', keyword: 'type' },
      note: '/path (type)',
    });
    expect(isRefusal(refused) && describeRefusal(refused, 'files.read', 'x')).toContain(
      '/path must be a string (type)',
    );
  });

  it('names the arguments as a whole where the fault has no place of its own', () => {
    const refused = inspect(
      admitted({ target: withDefinition({ checkArguments: () => ({ ...fault, path: '' }) }) }),
      makePorts(),
    );
    expect(refused).toMatchObject({ fill: { detail: 'the arguments must be a string (type)' } });
  });

  it('checks absent arguments as an empty object', () => {
    const seen: unknown[] = [];
    const target = withDefinition({ checkArguments: (value) => void seen.push(value) });
    inspect(admitted({ target, value: { id: 1, method: 'tools/call', params: { name: 'read' } } }), makePorts());
    expect(seen).toEqual([{}]);
  });

  it('checks whatever stands in the place of arguments, also what is no object', () => {
    const seen: unknown[] = [];
    const target = withDefinition({ checkArguments: (value) => void seen.push(value) });
    for (const given of [false, 0, '', []]) {
      inspect(
        admitted({ target, value: { id: 1, method: 'tools/call', params: { name: 'read', arguments: given } } }),
        makePorts(),
      );
    }
    expect(seen).toEqual([false, 0, '', []]);
  });

  it('checks mirrored headers of modern callers over HTTP only', () => {
    const target = withDefinition({ checkHeaders: () => 'mcp-param-path' });
    expect(inspect(admitted({ target }), makePorts())).toMatchObject({
      name: 'header-mismatch',
      fill: { detail: 'mcp-param-path' },
    });
    expect(isRefusal(inspect(admitted({ target, era: 'legacy' }), makePorts()))).toBe(false);
  });

  it('keeps the values of the arguments that the file names, and no others', () => {
    const rules = makeRules({
      keptArguments: (key) => (key === 'files.read' ? ['path', 'absent', '__proto__'] : undefined),
    });
    const value = { id: 1, method: 'tools/call', params: { name: 'read', arguments: { path: 'a', token: 'hidden' } } };
    const inspected = inspect(admitted({ rules, value }), makePorts());
    expect(inspected).toMatchObject({ args: { values: { path: 'a' } } });
    expect(JSON.stringify(isRefusal(inspected) ? '' : inspected.args)).not.toContain('hidden');
  });

  it('keeps no values without being told to', () => {
    const inspected = inspect(admitted(), makePorts());
    expect(isRefusal(inspected) ? undefined : inspected.args).not.toHaveProperty('values');
  });
});
