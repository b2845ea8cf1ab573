/** Reads `callers.certificates`: which part of a client certificate names the caller, and which roles the name has. */
import { compileTextPattern } from '@sallyport/guard';
import { placeWithin } from './grammar.ts';
import { object } from './object.ts';
import { choice, wrongType, type Reader } from './reader.ts';
import type { CertificatesConfig } from './types.ts';

const EXAMPLE = "{ identity: san-uri, roles: { 'spiffe://example.com/agent/*': agent } }";

/**
 * Makes the reader.
 *
 * @param roleName - reads the name of a role of the file
 */
export function certificateCallers(roleName: Reader<string>): Reader<CertificatesConfig> {
  const roles: Reader<CertificatesConfig['roles']> = {
    schema: { type: 'object', additionalProperties: roleName.schema, minProperties: 1 },
    read: (node, reading) => {
      if (node.kind !== 'map' || node.entries.length === 0) {
        return wrongType(
          node,
          reading,
          'patterns of identities and roles',
          "{ 'spiffe://example.com/agent/*': agent }",
        );
      }
      const found: { readonly pattern: string; readonly role: string }[] = [];
      let isWhole = true;
      for (const { key, keyOrigin, value } of node.entries) {
        const pattern = compileTextPattern(key);
        if (pattern.kind === 'fault') {
          const at = placeWithin({ kind: 'scalar', origin: keyOrigin, value: key, written: key }, pattern.offset);
          reading.log.report(at, {
            code: 'pattern',
            message: pattern.message,
            suggestion: 'write the identity, with * for any text in it',
          });
          isWhole = false;
        }
        const role = roleName.read(value, reading);
        if (role === undefined) isWhole = false;
        else found.push({ pattern: key, role });
      }
      return isWhole ? found : undefined;
    },
  };
  return object<CertificatesConfig>(
    {
      identity: {
        reader: choice('san-uri', 'san-dns', 'san-email', 'common-name'),
        isRequired: true,
        description: 'The part of the certificate that names the caller',
      },
      roles: { reader: roles, isRequired: true, description: 'Patterns of names, and the role that each gives' },
    },
    {
      wanted: 'certificates',
      example: EXAMPLE,
      hints: {
        map: 'write roles: { PATTERN: ROLE }',
        require: 'remove it: a caller may show a certificate, a key, or both',
      },
    },
  );
}
