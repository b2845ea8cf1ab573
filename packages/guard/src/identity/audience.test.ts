import { describe, expect, it } from 'vitest';
import { isForDoor } from './audience.ts';

const publicUrl = 'https://mcp.example.com';
const all = { kind: 'all' } as const;
const a = { kind: 'server', server: 'a' } as const;
const ab = { kind: 'server', server: 'ab' } as const;

const everywhere = 'https://mcp.example.com/mcp';
const onlyA = 'https://mcp.example.com/mcp/a';
const named = 'api://mcp';

describe('[token-audience] a token', () => {
  it.each<[string, readonly string[], { all: boolean; a: boolean; ab: boolean }]>([
    ['for all servers holds at every door', [everywhere], { all: true, a: true, ab: true }],
    ['for one server holds at its door alone', [onlyA], { all: false, a: true, ab: false }],
    ['for an audience of the operator’s own holds at every door', [named], { all: true, a: true, ab: true }],
    ['for one server and all holds at every door', [onlyA, everywhere], { all: true, a: true, ab: true }],
    ['for two servers holds at both', [onlyA, `${everywhere}/ab`], { all: false, a: true, ab: true }],
    ['for no audience that is trusted holds nowhere', [], { all: false, a: false, ab: false }],
    ['for a path below a door holds nowhere', [`${onlyA}/x`], { all: false, a: false, ab: false }],
  ])('%s', (_, audiences, expected) => {
    expect({
      all: isForDoor(audiences, publicUrl, all),
      a: isForDoor(audiences, publicUrl, a),
      ab: isForDoor(audiences, publicUrl, ab),
    }).toEqual(expected);
  });

  it('that is bound to nothing of ours holds at every door', () => {
    expect(isForDoor(undefined, publicUrl, a)).toBe(true);
    expect(isForDoor([named], undefined, a)).toBe(true);
  });
});
