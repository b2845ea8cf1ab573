import { describe, expect, it } from 'vitest';
import { checkOutbound, findOutbound } from './outbound.ts';

describe('the one way out', () => {
  it.each([
    "import { Pool } from 'undici';",
    "import { type Dispatcher, request } from 'undici';",
    "import {\n  createServer,\n  request as ask,\n} from 'node:https';",
    "import * as net from 'node:net';",
    "import { connect } from 'net';",
    "import WebSocket, { type RawData } from 'ws';",
    "import { lookup } from 'node:dns/promises';",
    "import { createRemoteJWKSet, jwtVerify } from 'jose';",
    "const { connect } = await import('node:tls');",
    'const answer = await fetch(url);',
    'const socket = new WebSocket(url);',
    "import * as oauth from 'oauth4webapi';\nawait oauth.discoveryRequest(issuer);",
  ])('is not taken by %s', (text) => {
    expect(findOutbound(text)).toHaveLength(1);
  });

  it.each([
    "import type { Dispatcher } from 'undici';",
    "import { type Socket, createServer, isIP } from 'node:net';",
    "import { WebSocketServer } from 'ws';",
    "import { createServer } from 'node:http';",
    "import { jwtVerify } from 'jose';",
    'await catalog.fetch(server);',
    '// fetch(url) is not used',
    'refetch(url);',
    'const ask = (fetch: Ask) => fetch(url);',
    "import { customFetch, discoveryRequest } from 'oauth4webapi';\nawait discoveryRequest(issuer, { [customFetch]: ask });",
  ])('is not missed by %s', (text) => {
    expect(findOutbound(text)).toEqual([]);
  });

  it('is the only one in the product', () => {
    expect(checkOutbound()).toEqual([]);
  });
});
