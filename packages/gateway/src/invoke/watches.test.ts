import type { JsonObject } from '@sallyport/protocol';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  jsonOf,
  messageOf,
  scriptedLink,
  scriptedServer,
  settle,
  type Script,
  type ScriptedLink,
} from '../exchange.fixture.ts';
import type { Server } from '../servers.ts';
import type { LinkListener, LinkRequest } from '../upstreams/link.ts';
import { Listeners } from '../upstreams/listeners.ts';
import type { LinkEvent } from '../upstreams/link.ts';
import { linkFailure } from '../upstreams/link.ts';
import { realTimers } from '../upstreams/ports.ts';
import { createWatches } from './watches.ts';

const random = { bytes: (length: number) => new Uint8Array(length) };
const wish = { era: 'modern', scope: 'key:ada', owner: 'key:ada', clientCapabilities: {} } as const;

/** One open listen stream of a modern server. */
interface OpenStream {
  readonly request: LinkRequest;
  readonly listener: LinkListener;
  readonly uris: readonly string[];
  end(): void;
}

/** A server whose conversation can be replaced, and what reaches it. */
function serverOf(era: 'modern' | 'legacy', script: Script) {
  const events: Listeners<LinkEvent>[] = [];
  const open = (): ScriptedLink => {
    const heard = new Listeners<LinkEvent>();
    events.push(heard);
    return Object.assign(scriptedLink(era, { resources: { subscribe: true } }, script), {
      onEvent: (listener: (event: LinkEvent) => void) => heard.add(listener),
    });
  };
  const links = [open()];
  const made = scriptedServer('files', { era, share: 'caller' });
  const server: Server = {
    ...made,
    upstream: { ...made.upstream, acquire: () => ({ kind: 'open', link: links.at(-1) ?? made.link }) },
  };
  const replace = (): void => {
    const [old, heard] = [links.at(-1), events.at(-1)];
    links.push(open());
    if (old !== undefined) old.state = 'closed';
    heard?.emit({ kind: 'closed', failure: linkFailure('closed', 'It ended.') });
  };
  const methods = (): string[] => links.flatMap(({ requests }) => requests.map(({ method }) => method));
  const silently = (): void => void links.push(open());
  return { server, links, replace, silently, methods };
}

/** A modern server that acknowledges what `honours` lets pass. */
function modernServer(honours: (uri: string) => boolean = () => true) {
  const streams: OpenStream[] = [];
  const script: Script = (request, listener) => {
    const { notifications } = jsonOf(request.params) as { notifications: { resourceSubscriptions: string[] } };
    const uris = notifications.resourceSubscriptions;
    return new Promise((resolve) => {
      const stream: OpenStream = { request, listener, uris, end: () => resolve({}) };
      streams.push(stream);
      request.cancellation.subscribe(() =>
        resolve({ kind: 'failure', failure: linkFailure('cancelled', 'It ended.') }),
      );
      listener.onMessage(
        messageOf({
          method: 'notifications/subscriptions/acknowledged',
          params: { notifications: { resourceSubscriptions: [...uris.filter(honours), 'file:///never-asked'] } },
        }),
      );
    });
  };
  const say = (stream: OpenStream | undefined, uri: string): void =>
    stream?.listener.onMessage(messageOf({ method: 'notifications/resources/updated', params: { uri } }));
  return { ...serverOf('modern', script), streams, say };
}

async function watching(watches: ReturnType<typeof createWatches>, server: Server, uri: string) {
  const heard: string[] = [];
  const added = await watches.add(server, wish, uri, () => heard.push(uri));
  return { heard, kind: added.kind, stop: added.kind === 'watching' ? added.stop : () => undefined };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('watching at a legacy server', () => {
  it('subscribes once for all and unsubscribes after the last', async () => {
    const { server, methods, links } = serverOf('legacy', () => ({}));
    const watches = createWatches(realTimers, random);
    const [one, two] = [await watching(watches, server, 'file:///a'), await watching(watches, server, 'file:///a')];
    const [link] = links;
    if (link !== undefined) watches.changed(link, 'file:///a');
    one.stop();
    await settle();
    expect(methods()).toEqual(['resources/subscribe']);
    two.stop();
    await settle();
    expect(methods()).toEqual(['resources/subscribe', 'resources/unsubscribe']);
    if (link !== undefined) watches.changed(link, 'file:///a');
    expect([one.heard, two.heard]).toEqual([['file:///a'], ['file:///a']]);
  });

  it('subscribes again when the conversation begins anew, and tells everybody, because something may have been missed', async () => {
    const { server, methods, replace, links } = serverOf('legacy', () => ({}));
    const watches = createWatches(realTimers, random);
    const one = await watching(watches, server, 'file:///a');
    replace();
    await settle();
    expect(methods()).toEqual(['resources/subscribe', 'resources/subscribe']);
    expect(one.heard).toEqual(['file:///a']);
    const next = links.at(-1);
    if (next !== undefined) watches.changed(next, 'file:///a');
    expect(one.heard).toHaveLength(2);
    one.stop();
    await settle();
    expect(next?.requests.at(-1)?.method).toBe('resources/unsubscribe');
  });

  it('finds out by itself when callers are given another conversation', async () => {
    const { server, methods, silently } = serverOf('legacy', () => ({}));
    const watches = createWatches(realTimers, random);
    await watching(watches, server, 'file:///a');
    silently();
    await vi.advanceTimersByTimeAsync(30_000);
    expect(methods()).toEqual(['resources/subscribe', 'resources/subscribe']);
  });

  it('says what the server answered to a subscription that it refuses, and keeps nothing of it', async () => {
    const error = { code: -32002, message: 'none' };
    const { server, methods } = serverOf('legacy', () => ({
      kind: 'answer',
      message: messageOf({ id: 1, error }),
      httpStatus: undefined,
    }));
    const watches = createWatches(realTimers, random);
    expect((await watching(watches, server, 'file:///a')).kind).toBe('error');
    expect((await watching(watches, server, 'file:///a')).kind).toBe('error');
    expect(methods().filter((method) => method === 'resources/subscribe')).toHaveLength(2);
  });
});

describe('the places for resources', () => {
  const as = (owner: string) => ({ ...wish, owner });
  const addAll = async (watches: ReturnType<typeof createWatches>, server: Server, owner: string, count: number) => {
    const added = [];
    for (let i = 0; i < count; i++) {
      added.push(await watches.add(server, as(owner), `file:///${owner}/${i}`, () => undefined));
    }
    return added;
  };
  const shared = ({ server }: { readonly server: Server }): Server => ({ ...server, share: 'all' });

  it('of a shared server are not all one caller’s, who has a place again for each that it gives back', async () => {
    const server = shared(serverOf('legacy', () => ({})));
    const watches = createWatches(realTimers, random);
    const added = await addAll(watches, server, 'key:ada', 1251);
    expect(added.map(({ kind }) => kind).filter((kind) => kind !== 'watching')).toEqual(['full']);
    const more = (owner: string) => watches.add(server, as(owner), 'file:///more', () => undefined);
    expect([(await more('key:eve')).kind, (await more('key:ada')).kind]).toEqual(['watching', 'full']);
    const [first] = added;
    for (let i = 0; i < 2; i++) if (first?.kind === 'watching') first.stop();
    expect([(await more('key:ada')).kind, (await more('key:ada')).kind]).toEqual(['watching', 'full']);
  });

  it('are still one caller’s after its conversation has been replaced', async () => {
    const made = serverOf('legacy', () => ({}));
    const server = shared(made);
    const watches = createWatches(realTimers, random);
    const added = await addAll(watches, server, 'key:ada', 1250);
    made.replace();
    await settle();
    const more = () => watches.add(server, as('key:ada'), 'file:///more', () => undefined);
    expect((await more()).kind).toBe('full');
    const [first] = added;
    if (first?.kind === 'watching') first.stop();
    expect((await more()).kind).toBe('watching');
  });

  it('of one caller are counted over all servers', async () => {
    const watches = createWatches(realTimers, random);
    const [one, two] = [serverOf('legacy', () => ({})).server, serverOf('legacy', () => ({})).server];
    const kinds = [...(await addAll(watches, one, 'key:ada', 3000)), ...(await addAll(watches, two, 'key:ada', 2001))];
    expect(kinds.filter(({ kind }) => kind === 'watching')).toHaveLength(5000);
    expect(kinds.at(-1)?.kind).toBe('full');
    expect((await addAll(watches, two, 'key:eve', 1))[0]?.kind).toBe('watching');
  });

  it('are not taken by what was not paid for', async () => {
    const { server, methods } = serverOf('legacy', () => ({}));
    const watches = createWatches(realTimers, random);
    const add = (pay: () => boolean) => watches.add(server, wish, 'file:///a', () => undefined, pay);
    expect([(await add(() => false)).kind, methods()]).toEqual(['unpaid', []]);
    expect([(await add(() => true)).kind, (await add(() => false)).kind]).toEqual(['watching', 'watching']);
    expect(methods()).toEqual(['resources/subscribe']);
  });
});

describe('watching at a modern server', () => {
  it('opens one stream for all that is wanted at once, and confirms only what was acknowledged', async () => {
    const { server, streams } = modernServer((uri) => uri !== 'file:///deaf');
    const watches = createWatches(realTimers, random);
    const wanted = ['file:///a', 'file:///b', 'file:///deaf'];
    const made = await Promise.all(wanted.map((uri) => watching(watches, server, uri)));
    expect(made.map(({ kind }) => kind)).toEqual(['watching', 'watching', 'unconfirmed']);
    expect(streams.map(({ uris }) => uris)).toEqual([wanted]);
  });

  it('opens the wider stream before it ends the narrower, and hears each change once', async () => {
    const { server, streams, say } = modernServer();
    const watches = createWatches(realTimers, random);
    const one = await watching(watches, server, 'file:///a');
    await watching(watches, server, 'file:///b');
    const [narrow, wide] = streams;
    expect(narrow?.request.cancellation.isCancelled).toBe(true);
    expect([...(wide?.uris ?? [])].toSorted()).toEqual(['file:///a', 'file:///b']);
    for (const stream of streams) say(stream, 'file:///a');
    expect(one.heard).toEqual(['file:///a']);
  });

  it('hears nothing that it did not ask for', async () => {
    const { server, streams, say } = modernServer();
    const watches = createWatches(realTimers, random);
    const one = await watching(watches, server, 'file:///a');
    say(streams[0], 'file:///never-asked');
    streams[0]?.listener.onMessage(messageOf({ method: 'notifications/message', params: { data: 'x' } }));
    expect(one.heard).toEqual([]);
  });

  it('ends the stream with the last who listens', async () => {
    const { server, streams } = modernServer();
    const watches = createWatches(realTimers, random);
    const [one, two] = [await watching(watches, server, 'file:///a'), await watching(watches, server, 'file:///a')];
    expect(streams).toHaveLength(1);
    one.stop();
    expect(streams[0]?.request.cancellation.isCancelled).toBe(false);
    two.stop();
    expect(streams[0]?.request.cancellation.isCancelled).toBe(true);
  });

  it('confirms at once what an open stream still covers', async () => {
    const { server, streams } = modernServer();
    const watches = createWatches(realTimers, random);
    await watching(watches, server, 'file:///a');
    const two = await watching(watches, server, 'file:///b');
    two.stop();
    expect((await watching(watches, server, 'file:///b')).kind).toBe('watching');
    expect(streams).toHaveLength(2);
  });

  it('opens a stream that broke again after a while, and tells everybody', async () => {
    const { server, streams } = modernServer();
    const watches = createWatches(realTimers, random);
    const one = await watching(watches, server, 'file:///a');
    streams[0]?.end();
    await settle();
    expect(streams).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(streams.length).toBeGreaterThan(1);
    expect(one.heard).toEqual(['file:///a']);
  });

  it('does not wait for an acknowledgement for ever', async () => {
    const { server } = serverOf('modern', ({ cancellation }) => {
      const ended = { kind: 'failure', failure: linkFailure('cancelled', 'It ended.') };
      return new Promise<JsonObject>((resolve) => void cancellation.subscribe(() => resolve(ended)));
    });
    const adding = watching(createWatches(realTimers, random), server, 'file:///a');
    await vi.advanceTimersByTimeAsync(60_000);
    expect((await adding).kind).toBe('unconfirmed');
  });

  it('goes on over the next conversation when this one ends', async () => {
    const { server, streams, replace, say } = modernServer();
    const watches = createWatches(realTimers, random);
    const one = await watching(watches, server, 'file:///a');
    replace();
    await settle();
    say(streams.at(-1), 'file:///a');
    expect([streams.length, one.heard.length]).toEqual([2, 2]);
  });
});
