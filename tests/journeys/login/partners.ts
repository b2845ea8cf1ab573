/** The official SDKs' clients, which log in when they are told to, and try again once they have. */
import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
  UnauthorizedError as UnauthorizedV2,
} from '@modelcontextprotocol/client';
import type { OAuthClientProvider as ProviderV1 } from '@modelcontextprotocol/sdk/client/auth.js';
import { UnauthorizedError as UnauthorizedV1 } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Login } from './login.ts';

/** A client program that has logged in. */
export interface Visitor {
  /** Names of the tools that it is shown. */
  list(): Promise<string[]>;
  /** Calls a tool, and logs in for more where it is told to. Returns its text. */
  call(name: string, args?: Readonly<Record<string, unknown>>): Promise<string>;
  close(): Promise<void>;
}

/** A generation of the SDK. */
export interface Generation {
  readonly name: string;
  /** Connects, logging in on the way. */
  enter(url: string, login: Login): Promise<Visitor>;
}

const modes = { modern: { pin: '2026-07-28' }, legacy: 'legacy' } as const;

/** The client of the second generation, pinned to an era. */
export function secondGeneration(era: 'modern' | 'legacy'): Generation {
  return {
    name: `SDK v2, ${era}`,
    async enter(url, login) {
      const open = (): TransportV2 => new TransportV2(new URL(url), { authProvider: login.provider });
      const make = (): ClientV2 =>
        new ClientV2({ name: 'login-v2', version: '2.4.0' }, { versionNegotiation: { mode: modes[era] } });
      let client = make();
      let transport = open();
      try {
        await client.connect(transport);
      } catch (error) {
        if (!(error instanceof UnauthorizedV2)) throw error;
        await transport.finishAuth(login.returned());
        client = make();
        transport = open();
        await client.connect(transport);
      }
      return visitorOf(client, async (error) => {
        if (!(error instanceof UnauthorizedV2)) return false;
        await transport.finishAuth(login.returned());
        return true;
      });
    },
  };
}

/** The client of the first generation. */
export const firstGeneration: Generation = {
  name: 'SDK v1',
  async enter(url, login) {
    const provider = login.provider as ProviderV1;
    const open = (): TransportV1 => new TransportV1(new URL(url), { authProvider: provider });
    const make = (): ClientV1 => new ClientV1({ name: 'login-v1', version: '1.32.2' });
    const finish = (transport: TransportV1): Promise<void> => transport.finishAuth(login.returned().get('code') ?? '');
    let client = make();
    let transport = open();
    try {
      await client.connect(transport);
    } catch (error) {
      if (!(error instanceof UnauthorizedV1)) throw error;
      await finish(transport);
      client = make();
      transport = open();
      await client.connect(transport);
    }
    return visitorOf(client, async (error) => {
      if (!(error instanceof UnauthorizedV1)) return false;
      await finish(transport);
      return true;
    });
  },
};

/** What both generations' clients have in common. */
interface AnyClient {
  listTools(): Promise<{ readonly tools: readonly { readonly name: string }[] }>;
  callTool(params: { name: string; arguments: Record<string, unknown> }): Promise<unknown>;
  close(): Promise<void>;
}

function visitorOf(client: AnyClient, logInFor: (error: unknown) => Promise<boolean>): Visitor {
  const run = async <Result>(act: () => Promise<Result>): Promise<Result> => {
    try {
      return await act();
    } catch (error) {
      if (!(await logInFor(error))) throw error;
      return await act();
    }
  };
  return {
    list: async () => (await run(() => client.listTools())).tools.map(({ name }) => name),
    call: async (name, args = {}) => textOf(await run(() => client.callTool({ name, arguments: { ...args } }))),
    close: () => client.close(),
  };
}

function textOf(result: unknown): string {
  const { content } = result as { readonly content: readonly { readonly text?: string }[] };
  return content.map(({ text }) => text ?? '').join('\n');
}
