/** Readers of values that must not stand in the file. */
import { lengthOf, readText, wrongValue, type Reader, type Text } from './reader.ts';
import { isReference } from './resolve-secret.ts';
import type { Secret } from './secret.ts';

const SCHEMA = { type: 'string', pattern: '^(?:env:|file:(?!//)|command:)' };

/** A value that fits into an HTTP header or a form. */
export const plainSecret: Reader<Secret> = secret((value) =>
  /^[\x20-\x7e\t]+$/.test(value)
    ? undefined
    : {
        message: 'the value holds characters that no HTTP header can carry',
        suggestion: 'store the plain credential',
      },
);

/** A value of any form, e.g. a key of several lines. */
export const wholeSecret: Reader<Secret> = secret((value) =>
  value.trim() === '' ? { message: 'the value is empty', suggestion: 'store the key' } : undefined,
);

/** Why a value that was found is not fit; both are shown, the value is not. */
interface SecretFault {
  readonly message: string;
  readonly suggestion: string;
}

/**
 * Makes the reader of a value that must not stand in the file.
 *
 * @param judge - says why a value is not fit; `undefined` for one that is
 */
export function secret(judge: (value: string) => SecretFault | undefined): Reader<Secret> {
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
      const fault = found.secret.isKnown ? judge(found.value) : undefined;
      if (fault === undefined) return found.secret;
      return wrongValue(found, reading, fault.message, fault.suggestion);
    },
  };
}
