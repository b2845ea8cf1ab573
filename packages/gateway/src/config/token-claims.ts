/** Readers of what tokens say, signed ones and opaque ones alike: who issued them, for whom, and what their claims mean. */
import {
  findMappingFault,
  parseClaimPath,
  type ClaimPath,
  type RequiredClaim,
  type RoleMapping,
} from '@sallyport/guard';
import type { ConfigNode } from './node.ts';
import { object } from './object.ts';
import { list, quoted, readText, text, wrongType, wrongValue, type Reader, type Reading } from './reader.ts';
import type { JwtRolesConfig } from './types.ts';

/** Who issues tokens, as they write it themselves. */
export const issuerName: Reader<string> = text('an issuer', 'https://login.example.com', {}, (found, reading) => {
  const { value } = found;
  if (value.length > 512 || /[\s|\p{Cc}]/u.test(value)) {
    return wrongValue(
      found,
      reading,
      `${quoted(found.shown)} is not the name of an issuer`,
      'write it as `iss` of its tokens has it',
    );
  }
  return value;
});

/** Where in a token something stands. */
export const claim: Reader<ClaimPath> = text('the name of a claim', 'groups', {}, (found, reading) => {
  const path = parseClaimPath(found.value);
  if ('steps' in path) return path;
  return wrongValue(
    found,
    reading,
    `${quoted(found.shown)} names no claim: ${path.fault}`,
    'write groups, or /realm_access/roles',
  );
});

/** One role, or several. */
function rolesOf(node: ConfigNode, reading: Reading, roleName: Reader<string>): readonly string[] | undefined {
  if (node.kind === 'list') return list(roleName, 'roles', '[reader]', true).read(node, reading);
  const role = roleName.read(node, reading);
  return role === undefined ? undefined : [role];
}

function roleMap(roleName: Reader<string>): Reader<readonly RoleMapping[]> {
  return {
    schema: {
      type: 'object',
      additionalProperties: { anyOf: [roleName.schema, { type: 'array', items: roleName.schema, uniqueItems: true }] },
      minProperties: 1,
    },
    read: (node, reading) => {
      if (node.kind !== 'map' || node.entries.length === 0) {
        return wrongType(node, reading, 'values of the claim and roles', "{ mcp-admins: admin, 'Team.*': reader }");
      }
      const mappings: RoleMapping[] = [];
      let isWhole = true;
      for (const { key, keyOrigin, value } of node.entries) {
        const fault = findMappingFault(key);
        if (fault !== undefined) {
          const suggestion = 'write a value of the claim, with * for any text';
          reading.log.report(keyOrigin, {
            code: 'pattern',
            message: fault,
            suggestion,
            length: Math.max(1, key.length),
          });
          isWhole = false;
        }
        const roles = rolesOf(value, reading, roleName);
        if (roles === undefined) isWhole = false;
        else mappings.push({ pattern: key, roles });
      }
      return isWhole ? mappings : undefined;
    },
  };
}

/** Claims and the values that they must have. */
export const required: Reader<readonly RequiredClaim[]> = {
  schema: { type: 'object', additionalProperties: { type: ['string', 'number', 'boolean'] } },
  read: (node, reading) => {
    if (node.kind !== 'map') return wrongType(node, reading, 'claims and values', '{ tid: VALUE }');
    const found: RequiredClaim[] = [];
    let isWhole = true;
    for (const { key, keyOrigin, value } of node.entries) {
      const path = parseClaimPath(key);
      if (!('steps' in path)) {
        const message = `${quoted(key)} names no claim: ${path.fault}`;
        const suggestion = 'write tid, or /realm_access/x';
        reading.log.report(keyOrigin, { code: 'value', message, suggestion, length: Math.max(1, key.length) });
        isWhole = false;
        continue;
      }
      const wanted = readRequired(value, reading);
      if (wanted === undefined) isWhole = false;
      else found.push({ path, value: wanted });
    }
    return isWhole ? found : undefined;
  },
};

function readRequired(node: ConfigNode, reading: Reading): string | number | boolean | undefined {
  if (node.kind === 'scalar' && (typeof node.value === 'number' || typeof node.value === 'boolean')) return node.value;
  return readText(node, reading, 'the value that the claim must have', 'contoso')?.value;
}

/** For whom tokens are. */
export const audiences: Reader<readonly string[]> = list(
  text('an audience', 'https://mcp.example.com/mcp', {}, (found) => found.value),
  'audiences',
  '[https://mcp.example.com/mcp]',
  true,
);

/** What clients write before a scope when they ask for it, where tokens carry the bare scope. */
export const scopePrefix: Reader<string> = text('the beginning of scopes', 'api://mcp/', {}, (found, reading) =>
  /^[\x21\x23-\x5b\x5d-\x7e]{0,256}$/.test(found.value)
    ? found.value
    : wrongValue(found, reading, `${quoted(found.shown)} cannot be part of a scope`, 'write api://mcp/'),
);

/**
 * Which roles the callers of an issuer have.
 *
 * @param roleName reads the name of a role of the file
 */
export function claimRoles(roleName: Reader<string>): Reader<JwtRolesConfig> {
  return object<JwtRolesConfig>(
    {
      claim: { reader: claim, isRequired: true, description: 'The claim, or a JSON Pointer into one' },
      map: {
        reader: roleMap(roleName),
        isRequired: true,
        description: 'Its values, as patterns, and roles of this file',
      },
    },
    { wanted: 'the roles of an issuer', example: '{ claim: groups, map: { mcp-admins: admin } }' },
  );
}
