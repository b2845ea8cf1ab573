/** The JSON parsing corpus and nesting bombs at the HTTP door and the stdio door. */

import { Buffer } from 'node:buffer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  bodyLimit,
  bombs,
  hasJsonCorpus,
  openJsonDoors,
  passAtHttp,
  passAtStdio,
  readJsonCorpus,
  type JsonDoors,
} from './json-doors.ts';
import { openAnswers } from './json-doors.policy.ts';

const files = readJsonCorpus();
let doors: JsonDoors;

beforeAll(async () => {
  doors = await openJsonDoors();
}, 60_000);

afterAll(() => doors?.stop(), 60_000);

describe.skipIf(!hasJsonCorpus)('the JSON corpus', () => {
  it('has 318 files: 188 malformed, 95 well-formed, 35 open', () => {
    const count = (prefix: string) => files.filter(({ name }) => name.startsWith(prefix)).length;
    expect([files.length, count('n_'), count('y_'), count('i_')]).toEqual([318, 188, 95, 35]);
    expect(Object.keys(openAnswers).toSorted()).toEqual(
      files.map(({ name }) => name).filter((name) => name.startsWith('i_')),
    );
  });

  it('[json-strict] is refused as -32700 at the HTTP door where it is malformed, and nowhere else', async () => {
    expect(await passAtHttp(doors, files)).toEqual({ malformed: 188, wellFormed: 95, wrong: [] });
    expect(await doors.isAlive()).toBe(true);
  }, 120_000);

  it('[json-strict] is answered alike at the stdio door where a file is one line', async () => {
    const pass = await passAtStdio(doors, files);
    expect(pass.wrong).toEqual([]);
    expect(pass.malformed).toBeGreaterThan(170);
    expect(pass.wellFormed).toBeGreaterThan(90);
    expect(doors.noise()).toEqual([]);
  }, 120_000);
});

describe('nesting bombs', () => {
  it.each(bombs)('[json-bounded] answers $what with $code at the HTTP door and stays alive', async ({ body, code }) => {
    const text = body();
    expect(text.length).toBeLessThan(bodyLimit);
    expect(await doors.httpCode(text)).toBe(code);
    expect(await doors.isAlive()).toBe(true);
  });

  it.each(bombs)('[json-bounded] answers $what with $code at the stdio door', async ({ body, code }) => {
    expect(await doors.stdioCodes(Buffer.from(body()))).toEqual([code]);
  });

  it('[json-bounded] reaches no upstream and keeps its memory bounded', async () => {
    const before = doors.residentBytes();
    for (const { body } of bombs) await doors.httpCode(body());
    expect(await doors.isAlive()).toBe(true);
    expect(doors.upstream.of('tools/call')).toEqual([]);
    expect(doors.residentBytes() - before).toBeLessThan(100 * 1024 * 1024);
  });
});
