import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createLastResort } from './last-resort.ts';
import type { ChildExit, SpawnChild } from './upstreams/stdio/child.ts';

const request = { program: 'server', args: [], env: {}, mark: 'm', cwd: '/' };
const noExit: ChildExit = { code: 0, signal: null, error: undefined };

function make(alive: Set<number>) {
  const sent: [number, unknown][] = [];
  const exits = new Map<number, () => void>();
  let next = 100;
  const spawn: SpawnChild = () => {
    const pid = (next += 1);
    const { promise, resolve } = Promise.withResolvers<ChildExit>();
    exits.set(pid, () => resolve(noExit));
    const pipes = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
    return { pid, ...pipes, exited: promise, signalFamily: () => Promise.resolve(0) };
  };
  const resort = createLastResort(
    spawn,
    (target, signal) => {
      if (!alive.has(-target)) throw new Error('ESRCH');
      sent.push([target, signal]);
    },
    'linux',
  );
  return { resort, sent, end: (pid: number) => exits.get(pid)?.() };
}

describe('the last resort', () => {
  it('kills the group of each server that still runs, once', async () => {
    const { resort, sent, end } = make(new Set([101, 102]));
    resort.spawn(request);
    resort.spawn(request);
    resort.spawn(request);
    end(103);
    await Promise.resolve();
    await Promise.resolve();
    resort.kill();
    resort.kill();
    expect(sent).toEqual([
      [-101, 'SIGKILL'],
      [-102, 'SIGKILL'],
    ]);
  });

  it('remembers a group whose leader is gone while others of it live', async () => {
    const { resort, sent, end } = make(new Set([101]));
    resort.spawn(request);
    end(101);
    await Promise.resolve();
    await Promise.resolve();
    resort.kill();
    expect(sent.at(-1)).toEqual([-101, 'SIGKILL']);
  });
});
