import { readMessage, type Message } from '@sallyport/protocol';
import { describe, expect, it } from 'vitest';
import { discoverParams, initializeParams, readDiscover, readInitialize } from './handshake.ts';

const response = (value: object): Message => {
  const reading = readMessage(Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, ...value })));
  if (reading.kind === 'fault') throw new Error(reading.fault.name);
  return reading.message;
};
const error = (code: number, data?: object): Message => response({ error: { code, message: 'no', data } });

describe('the answer to server/discover', () => {
  it('means modern when it lists our modern revision', () => {
    const result = {
      supportedVersions: ['2026-07-28', '2025-11-25'],
      capabilities: { tools: {} },
      instructions: 'Be kind.',
      _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'x', version: '1' } },
    };
    expect(readDiscover(response({ result }))).toEqual({
      kind: 'modern',
      peer: {
        serverInfo: { name: 'x', version: '1' },
        capabilities: { tools: {} },
        instructions: 'Be kind.',
        supportedRevisions: ['2026-07-28', '2025-11-25'],
        discover: result,
      },
    });
  });

  it.each([-32601, -32600, -32602, -32000, -32603, 0])('means legacy when it is the error %i', (code) => {
    expect(readDiscover(error(code))).toEqual({ kind: 'legacy' });
  });

  it('means legacy when it is a result of another shape, or lists only legacy revisions', () => {
    expect(readDiscover(response({ result: {} }))).toEqual({ kind: 'legacy' });
    expect(readDiscover(response({ result: { supportedVersions: ['2025-06-18'] } }))).toEqual({ kind: 'legacy' });
    expect(readDiscover(error(-32022, { supported: ['2025-11-25'] }))).toEqual({ kind: 'legacy' });
  });

  it('means another try when a server refuses our revision and offers it', () => {
    expect(readDiscover(error(-32022, { supported: ['2027-01-01', '2026-07-28'] }))).toEqual({ kind: 'again' });
  });

  it('is unusable when a modern server speaks revisions that we do not know', () => {
    expect(readDiscover(error(-32022, { supported: ['2027-01-01'] }))).toMatchObject({ kind: 'unusable' });
    expect(readDiscover(response({ result: { supportedVersions: ['2027-01-01'] } }))).toMatchObject({
      kind: 'unusable',
    });
    expect(readDiscover(error(-32021))).toMatchObject({ kind: 'unusable' });
  });
});

describe('the answer to initialize', () => {
  it('agrees on any legacy revision that we speak', () => {
    const result = { protocolVersion: '2025-03-26', capabilities: {}, serverInfo: { name: 'x', version: '1' } };
    expect(readInitialize(response({ result }))).toMatchObject({ kind: 'legacy', revision: '2025-03-26' });
  });

  it.each(['2026-07-28', '1999-01-01', 7, undefined])('is unusable with revision %s', (protocolVersion) => {
    expect(readInitialize(response({ result: { protocolVersion } }))).toMatchObject({ kind: 'unusable' });
  });
});

describe('what we say', () => {
  it('declares no capabilities when it asks for the era', () => {
    const params: unknown = JSON.parse(discoverParams({ name: 'sallyport', version: '0' }).toString());
    expect(params).toEqual({
      _meta: {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientCapabilities': {},
        'io.modelcontextprotocol/clientInfo': { name: 'sallyport', version: '0' },
      },
    });
  });

  it('asks for the newest legacy revision with the given capabilities', () => {
    const params: unknown = JSON.parse(initializeParams({ roots: {} }, { name: 's', version: '0' }).toString());
    expect(params).toMatchObject({ protocolVersion: '2025-11-25', capabilities: { roots: {} } });
  });
});
