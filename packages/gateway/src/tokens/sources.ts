/** Makes the source of an issuer's keys from what the configuration says of it. */
import {
  createDiscoverySource,
  createUrlSource,
  readKeyDocument,
  secretKey,
  type Algorithm,
  type Egress,
  type KeySource,
} from '@sallyport/guard';
import type { ConfigPorts } from '../config/ports.ts';
import { findWriters } from '../config/safety.ts';
import type { JwtConfig } from '../config/types.ts';

/** How often a file is looked at, milliseconds. */
const lookMs = 1000;

/** Largest file of keys, bytes. */
const maxBytes = 512 * 1024;

/** What sources read with. */
export interface SourcePorts {
  readonly egress: Egress;
  readonly files: Pick<ConfigPorts, 'facts' | 'read' | 'identity'>;
}

/** Makes the source of an issuer's keys. Nothing is read yet. */
export function makeSource({ issuer, keys, algorithms, refresh }: JwtConfig, ports: SourcePorts): KeySource {
  const remote = { egress: ports.egress, algorithms, everyMs: refresh };
  switch (keys.kind) {
    case 'discovery':
      return createDiscoverySource(issuer, remote);
    case 'url':
      return createUrlSource(keys.url, remote);
    case 'file':
      return createFileSource(keys.path, algorithms, ports.files);
    case 'secret':
      return createSecretSource(keys.secret.reveal(), algorithms);
  }
}

/** Where the keys of an issuer come from, in words; never the value of a secret. */
export function sourceWords({ keys, issuer }: JwtConfig): string {
  switch (keys.kind) {
    case 'discovery':
      return `the metadata of ${issuer}`;
    case 'url':
      return keys.url;
    case 'file':
      return keys.path;
    case 'secret':
      return keys.secret.source;
  }
}

/** A file of public keys, read again when it has changed. Others must not be able to change it. */
function createFileSource(path: string, algorithms: readonly Algorithm[], files: SourcePorts['files']): KeySource {
  let stamp: string | undefined;
  return {
    everyMs: lookMs,
    async load() {
      const facts = await files.facts(path);
      if (typeof facts === 'string') return { kind: 'fault', message: `${path} ${faultWords[facts]}` };
      if (facts.stamp === stamp) return 'unchanged';
      const unsafe = findWriters(path, facts, files.identity);
      if (unsafe !== undefined) return { kind: 'fault', message: `${unsafe.message}; ${unsafe.suggestion}` };
      const bytes = await files.read(path, maxBytes);
      if (typeof bytes === 'string') return { kind: 'fault', message: `${path} ${faultWords[bytes]}` };
      const read = await readKeyDocument(bytes, algorithms);
      if (read.kind === 'fault') return { kind: 'fault', message: `${path}: ${read.message}` };
      stamp = facts.stamp;
      return read;
    },
  };
}

const faultWords = {
  absent: 'does not exist',
  forbidden: 'may not be read by us',
  'too-large': 'is too large for a key set',
  failed: 'could not be read',
} as const;

/** A secret is a text, or a key set of secrets with names, by which both sides can replace it bit by bit. */
function createSecretSource(secret: string, algorithms: readonly Algorithm[]): KeySource {
  const bytes = Buffer.from(secret);
  return {
    everyMs: Number.POSITIVE_INFINITY,
    load: async () =>
      secret.trimStart().startsWith('{')
        ? readKeyDocument(bytes, algorithms)
        : { kind: 'keys', keys: algorithms.map((algorithm) => secretKey(bytes, algorithm)), skipped: [] },
  };
}
