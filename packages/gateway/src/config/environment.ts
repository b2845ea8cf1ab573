/** Reads the environment of a server: exactly what the file lists, and no secret in clear. */
import type { Origin } from '@sallyport/guard';
import type { ConfigNode } from './node.ts';
import { lengthOf, quoted, readText, wrongType, type Reader, type Reading } from './reader.ts';
import { isReference } from './resolve-secret.ts';
import { Secret } from './secret.ts';
import { hasSecretName, hasTokenShape } from './secret-shapes.ts';

/** Refuses a text that is a credential in clear. Returns true when it did. */
export function refuseToken(
  value: string,
  node: { origin: Origin; written: string },
  reading: Reading,
  wayOut: string,
): boolean {
  if (!hasTokenShape(value)) return false;
  reading.log.hide(node.origin, node.written.length);
  reading.log.report(node.origin, {
    code: 'literal-secret',
    message: 'this looks like a credential in clear',
    suggestion: wayOut,
    length: node.written.length,
  });
  return true;
}

const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** `env:` of an upstream. */
export const env: Reader<ReadonlyMap<string, Secret>> = {
  schema: {
    type: 'object',
    propertyNames: { pattern: ENV_NAME.source },
    additionalProperties: { type: ['string', 'number', 'boolean'] },
  },
  read: (node, reading) => {
    if (node.kind !== 'map')
      return wrongType(node, reading, 'names and values', '{ HOME: inherit, TOKEN: env:MY_TOKEN }');
    const values = new Map<string, Secret>();
    let isWhole = true;
    for (const { key, keyOrigin, value } of node.entries) {
      if (!ENV_NAME.test(key)) {
        const suggestion = 'use letters, digits and _, e.g. MY_TOKEN';
        const message = `${quoted(key)} is not the name of an environment variable`;
        reading.log.report(keyOrigin, { code: 'value', message, suggestion, length: key.length });
        isWhole = false;
      }
      const found = readVariable(key, value, reading);
      if (found === undefined) isWhole = false;
      else if (found !== 'absent') values.set(key, found);
    }
    return isWhole ? values : undefined;
  },
};

function readVariable(name: string, node: ConfigNode, reading: Reading): Secret | 'absent' | undefined {
  if (node.kind !== 'scalar' || node.value === null)
    return wrongType(node, reading, `a value for ${name}`, 'inherit, env:NAME, file:PATH or text');
  if (node.value === 'inherit') {
    const value = reading.env[name];
    if (value !== undefined) return new Secret(value, 'inherit');
    if (!reading.needsServerSecrets) return 'absent';
    const message = `${name} is not set here, so the server will not get it`;
    reading.log.warn(node.origin, {
      code: 'secret',
      message,
      suggestion: `set ${name} before starting, or remove the line`,
      length: 7,
    });
    return 'absent';
  }
  if (typeof node.value === 'string' && isReference(node.value)) {
    return readText(node, reading, 'a value', 'env:NAME')?.secret;
  }
  const wayOut = `write ${name}: env:${name}, or ${name}: file:PATH`;
  if (hasSecretName(name) && node.value !== '') {
    reading.log.hide(node.origin, lengthOf(node));
    const message = `${name} looks like a secret and its value stands here in clear`;
    reading.log.report(node.origin, { code: 'literal-secret', message, suggestion: wayOut, length: lengthOf(node) });
    return undefined;
  }
  const value = typeof node.value === 'string' ? node.value : node.written;
  return refuseToken(value, node, reading, wayOut) ? undefined : new Secret(value, 'literal');
}
