/** Readers of values that must not stand in the file. */
import { lengthOf, readText, wrongValue, type Reader, type Text } from './reader.ts';
import { isReference } from './resolve-secret.ts';
import type { Secret } from './secret.ts';

const SCHEMA = { type: 'string', pattern: '^(?:env:|file:(?!//)|command:)' };

/** A value that fits into an HTTP header or a form. */
export const plainSecret: Reader<Secret> = secret((value) => /^[\x20-\x7e\t]+$/.test(value), {
  message: 'the value holds characters that no HTTP header can carry',
  suggestion: 'store the plain credential',
});

/** A value of any form, e.g. a key of several lines. */
export const wholeSecret: Reader<Secret> = secret((value) => value.trim() !== '', {
  message: 'the value is empty',
  suggestion: 'store the key',
});

function secret(isFit: (value: string) => boolean, fault: { message: string; suggestion: string }): Reader<Secret> {
  return {
    schema: SCHEMA,
    read: (node, reading) => {
      const isText = node.kind === 'scalar' && node.value !== null;
      if (isText && !(typeof node.value === 'string' && isReference(node.value))) {
        reading.log.hide(node.origin, lengthOf(node));
        reading.log.report(node.origin, {
          code: 'literal-secret',
          message: 'a secret stands here in clear',
          suggestion: 'write env:NAME, file:PATH or command:PROGRAM',
          length: lengthOf(node),
        });
        return undefined;
      }
      const found: Text | undefined = readText(
        node,
        reading,
        'a reference to a secret',
        'env:NAME, file:PATH or command:PROGRAM',
      );
      if (found?.secret === undefined) return undefined;
      if (!found.secret.isKnown || isFit(found.value)) return found.secret;
      return wrongValue(found, reading, fault.message, fault.suggestion);
    },
  };
}
