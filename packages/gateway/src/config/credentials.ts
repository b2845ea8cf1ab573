/** Reads the credential that the gateway itself presents to an HTTP upstream. */
import { object } from './object.ts';
import { lengthOf, quoted, readText, wrongType, wrongValue, type Reader } from './reader.ts';
import { isReference } from './resolve-secret.ts';
import type { Secret } from './secret.ts';
import type { CredentialHeader } from './types.ts';

/** A value that must not stand in the file. */
const secret: Reader<Secret> = {
  schema: { type: 'string', pattern: '^(?:env:|file:(?!//)|command:)' },
  read: (node, reading) => {
    if (node.kind === 'scalar' && node.value !== null && !(typeof node.value === 'string' && isReference(node.value))) {
      reading.log.hide(node.origin, lengthOf(node));
      reading.log.report(node.origin, {
        code: 'literal-secret',
        message: 'a secret stands here in clear',
        suggestion: 'write env:NAME, file:PATH or command:PROGRAM',
        length: lengthOf(node),
      });
      return undefined;
    }
    const found = readText(node, reading, 'a reference to a secret', 'env:NAME, file:PATH or command:PROGRAM');
    if (found?.secret === undefined) return undefined;
    if (!found.secret.isKnown || /^[\x20-\x7e\t]+$/.test(found.value)) return found.secret;
    return wrongValue(
      found,
      reading,
      'the value holds characters that no HTTP header can carry',
      'store the plain credential',
    );
  },
};

const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
/** Headers that the gateway writes itself. */
const OWN_HEADERS =
  /^(?:host|connection|content-.*|transfer-encoding|te|trailer|upgrade|keep-alive|accept|mcp-.*|last-event-id|proxy-.*)$/i;

const headers: Reader<readonly CredentialHeader[]> = {
  schema: { type: 'object', additionalProperties: secret.schema, minProperties: 1 },
  read: (node, reading) => {
    if (node.kind !== 'map' || node.entries.length === 0) {
      return wrongType(node, reading, 'header names and secrets', '{ X-Api-Key: env:NAME }');
    }
    const found: CredentialHeader[] = [];
    let isWhole = true;
    for (const { key, keyOrigin, value } of node.entries) {
      const isOwn = OWN_HEADERS.test(key);
      if (!HEADER_NAME.test(key) || isOwn) {
        const message = isOwn ? `the gateway sets ${key} itself` : `${quoted(key)} is not the name of a header`;
        reading.log.report(keyOrigin, {
          code: 'value',
          message,
          suggestion: 'name the header of the credential, e.g. X-Api-Key',
          length: key.length,
        });
        isWhole = false;
      }
      const credential = secret.read(value, reading);
      if (credential === undefined) isWhole = false;
      else found.push({ name: key.toLowerCase(), value: credential });
    }
    return isWhole ? found : undefined;
  },
};

interface AuthBody {
  readonly bearer: Secret | undefined;
  readonly header: readonly CredentialHeader[] | undefined;
}

const authBody = object<AuthBody>(
  {
    bearer: { reader: secret, description: 'Sent as Authorization: Bearer' },
    header: { reader: headers, description: 'Headers that carry a credential' },
  },
  {
    wanted: 'auth',
    example: '{ bearer: env:NAME }',
    hints: {
      token: 'write bearer: env:NAME',
      headers: 'write header: { NAME: env:NAME }',
      basic: 'write header: { Authorization: env:NAME }',
    },
  },
);

/** `auth:` of an upstream; the headers that carry it. */
export const auth: Reader<readonly CredentialHeader[]> = {
  schema: { ...authBody.schema, minProperties: 1, maxProperties: 1 },
  read: (node, reading) => {
    const found = authBody.read(node, reading);
    if (found === undefined || node.kind !== 'map') return undefined;
    if (found.bearer !== undefined && found.header === undefined) {
      return [{ name: 'authorization', value: found.bearer.withPrefix('Bearer ') }];
    }
    if (found.header !== undefined && found.bearer === undefined) return found.header;
    if (node.entries.length === 0 || found.header !== undefined) {
      const message = found.header === undefined ? 'auth is empty' : 'bearer and header exclude each other';
      reading.log.report(node.origin, {
        code: 'conflict',
        message,
        suggestion: 'write either bearer: env:NAME or header: { NAME: env:NAME }',
      });
    }
    return undefined;
  },
};
