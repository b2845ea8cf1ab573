/** Wrong conditions, scopes and tests, one a row; the marks and rules of config.cases.ts. */
import type { WrongConfig } from './config.cases.ts';

const upstreams = 'upstreams: { db: { command: [node, server.js] } }\n';

/** A grant with a condition in single quotes. */
function when(condition: string): string {
  return `${upstreams}roles: { reader: { tools: [{ tool: db.query, when: '${condition.replaceAll("'", "''")}' }] } }\n`;
}

const role = (body: string): string => `${upstreams}roles: { reader: ${body} }\n`;
const test = (body: string): string => `${upstreams}roles: { reader: {} }\ntests: [▸{ ${body} }]\n`;
const inTest = (body: string): string => `${upstreams}roles: { reader: {} }\ntests: [{ ${body} }]\n`;

/** Conditions that are none. */
export const wrongConditions: readonly WrongConfig[] = [
  { what: 'one = for two', yaml: when('args.a ▸= 1'), says: '`=` is no operator', helps: 'write ==' },
  { what: 'three of them', yaml: when('args.a ▸=== 1'), says: '`===` is no operator', helps: 'write ==' },
  { what: 'one & for two', yaml: when('args.a ▸& args.b'), says: '`&` is no operator', helps: 'write &&' },
  { what: 'a word for an operator', yaml: when('args.a ▸and args.b'), says: '`and` is no operator', helps: '&&' },
  { what: 'an open bracket', yaml: when('args.a in ▸["x"'), says: 'never closed', helps: 'close it with ]' },
  { what: 'a bracket too many', yaml: when('args.a == 1▸)'), says: 'never opened', helps: 'remove it' },
  { what: 'the wrong bracket', yaml: when('args.a in ["x"▸)'), says: 'closes a [', helps: 'write ]' },
  { what: 'an open text', yaml: when('args.a == ▸"x'), says: 'never closed', helps: 'close it with "' },
  { what: 'curly quotes', yaml: when('args.a == ▸“x”'), says: 'no meaning', helps: 'straight quotes' },
  { what: 'an end in the middle', yaml: when('args.a ▸=='), says: 'ends in the middle', helps: 'what comes after' },
  { what: 'two values side by side', yaml: when('args.a ▸args.b'), says: 'operator is missing', helps: '==' },
  {
    what: 'two operators side by side',
    yaml: when('args.a == ▸&& args.b'),
    says: 'value is missing',
    helps: 'complete',
  },
  {
    what: 'nothing',
    yaml: `${role("{ tools: [{ tool: db.query, when: '▸  ' }] }")}`,
    says: 'is empty',
    helps: 'args.',
  },
  { what: 'an unknown variable', yaml: when('▸arg.a == 1'), says: 'there is no `arg`', helps: 'did you mean `args`' },
  { what: 'a name like no other', yaml: when('▸zebra == 1'), says: '`zebra`', helps: 'args, caller, target' },
  { what: 'a root of another language', yaml: when('▸request.a == 1'), says: '`request`', helps: '`args`' },
  { what: 'a field without its root', yaml: when('"x" in ▸scopes'), says: '`scopes`', helps: '`caller.scopes`' },
  {
    what: 'a misspelt function',
    yaml: when('args.a.▸startWith("x")'),
    says: 'no function `startWith`',
    helps: 'did you mean `startsWith`',
  },
  {
    what: 'a function like no other',
    yaml: when('▸now() > args.t'),
    says: 'no function `now`',
    helps: 'functions here',
  },
  { what: 'a misspelt macro', yaml: when('args.l.▸alll(x, x > 1)'), says: '`alll`', helps: 'did you mean `all`' },
  { what: 'a macro without a variable', yaml: when('args.l.▸all(1 == 1)'), says: 'macro `all`', helps: 'all(x,' },
  {
    what: 'a macro inside a macro',
    yaml: when('args.l.all(x, args.m.▸exists(y, y == x))'),
    says: 'inside another one',
    helps: 'one after the other',
  },
  { what: 'a method as a function', yaml: when('▸contains(args.a, "x")'), says: 'behind a dot', helps: '.contains(' },
  { what: 'too few values', yaml: when('▸within(args.a)'), says: 'takes 2 values, not 1', helps: 'within(args.path' },
  { what: 'a computed pattern', yaml: when('args.a.matches(▸args.b)'), says: 'in quotes', helps: 'matches(' },
  { what: 'a pattern that backtracks', yaml: when('args.a.matches(▸"(?=x)")'), says: 'RE2', helps: 'matches(' },
  { what: 'a pattern too large', yaml: when('args.a.matches(▸"(a{900}){9}")'), says: 'pattern', helps: 'matches(' },
  { what: 'a root that is none', yaml: when('within(args.a, ▸"/srv/../etc")'), says: 'nothing lies', helps: 'within(' },
  { what: 'a number beyond 2^53', yaml: when('args.a == ▸9007199254740993'), says: '2^53', helps: 'text' },
  { what: 'an unsigned number', yaml: when('args.a == ▸1u'), says: 'numbers', helps: 'write 1' },
  { what: 'bytes', yaml: when('args.a == ▸b"x"'), says: 'bytes', helps: 'write text' },
  { what: 'a message', yaml: when('args.a == ▸google.protobuf.Struct{}'), says: 'messages', helps: 'a map' },
  { what: 'a reserved field', yaml: when('args.▸in == 1'), says: 'name', helps: "['name']" },
  {
    what: 'too long a condition',
    yaml: `${upstreams}roles: { reader: { tools: [{ tool: db.query, when: 'args.a == "${'x'.repeat(2037)}▸"' }] } }\n`,
    says: 'at most 2048 characters',
    helps: 'several grants',
  },
  {
    what: 'too deep a condition',
    yaml: when(`${'('.repeat(32)}▸(args.a${')'.repeat(33)} == 1`),
    says: 'nested too deep',
    helps: 'at most 32',
  },
  {
    what: 'a slip in double quotes',
    yaml: role('{ tools: [{ tool: db.query, when: "args.a == \\"x\\" ▸& args.b" }] }'),
    says: '`&`',
    helps: '&&',
  },
  {
    what: 'a slip in a plain text',
    yaml: role('{ tools: [{ tool: db.query, when: args.a ▸= 1 }] }'),
    says: '`=`',
    helps: '==',
  },
  {
    what: 'a slip in a block of lines',
    yaml: `${upstreams}roles:\n  reader:\n    tools:\n      - tool: db.query\n        when: |\n          args.a == 1 &&\n          args.b ▸= 2\n`,
    says: '`=`',
    helps: '==',
  },
  {
    what: 'a slip in folded lines',
    yaml: `${upstreams}roles:\n  reader:\n    tools:\n      - tool: db.query\n        when: >-\n          args.a == 1 &&\n          ▸arg.b == 2\n`,
    says: '`arg`',
    helps: '`args`',
  },
  {
    what: 'a slip behind a doubled quote',
    yaml: role("{ tools: [{ tool: db.query, when: 'args.a == ''x'' ▸& args.b' }] }"),
    says: '`&`',
    helps: '&&',
  },
  { what: 'a switch', yaml: role('{ tools: [{ tool: db.query, when: ▸true }] }'), says: 'a switch', helps: 'args.' },
  { what: 'a list', yaml: role('{ tools: [{ tool: db.query, when: ▸[a] }] }'), says: 'a list', helps: 'args.' },
  {
    what: 'another word for when',
    yaml: role("{ tools: [{ tool: db.query, ▸if: 'args.a' }] }"),
    says: '`if` is not a key',
    helps: 'write when',
  },
];

/** Scopes and tests that mean nothing. */
export const wrongScopesAndTests: readonly WrongConfig[] = [
  {
    what: 'scopes in one text',
    yaml: role('{ scopes: [▸mcp:read mcp:write] }'),
    says: 'is not a scope',
    helps: '[mcp:read, mcp:write]',
  },
  {
    what: 'scopes that are no list',
    yaml: role('{ scopes: ▸mcp:read }'),
    says: 'a list of scopes',
    helps: '[mcp:read]',
  },
  { what: 'a scope twice', yaml: role('{ scopes: [a, ▸a] }'), says: 'stands twice', helps: 'keep one' },
  { what: 'a scope with a quote', yaml: role(`{ scopes: [▸'a"b'] }`), says: 'is not a scope', helps: 'mcp:read' },
  { what: 'one scope', yaml: role('{ ▸scope: [a] }'), says: '`scope` is not a key', helps: 'scopes' },
  {
    what: 'scopes of a grant',
    yaml: role('{ tools: [{ tool: db.query, ▸scopes: [a] }] }'),
    says: '`scopes` is not a key',
    helps: 'in the role',
  },
  {
    what: 'a test of nothing',
    yaml: test('as: reader, expect: unknown'),
    says: 'calls nothing',
    helps: 'call: UPSTREAM.TOOL',
  },
  {
    what: 'a test of two things',
    yaml: test("as: reader, call: db.a, read: 'db.file:///a', expect: unknown"),
    says: 'exclude each other',
    helps: 'one of call',
  },
  {
    what: 'arguments of a resource',
    yaml: inTest("as: reader, read: 'db.file:///a', ▸args: {}, expect: unknown"),
    says: 'no arguments',
    helps: 'args.uri',
  },
  {
    what: 'arguments that are a list',
    yaml: inTest('as: reader, call: db.a, args: ▸[1], expect: unknown'),
    says: 'a list',
    helps: '{ schema: public }',
  },
  {
    what: 'an unknown expectation',
    yaml: inTest('as: reader, call: db.a, expect: ▸stepup'),
    says: '"stepup"',
    helps: 'step-up',
  },
  {
    what: 'an unknown fact of a caller',
    yaml: inTest('as: reader, call: db.a, caller: { ▸scope: [a] }, expect: unknown'),
    says: '`scope` is not a key',
    helps: '`scopes`',
  },
  {
    what: 'roles of a caller',
    yaml: inTest('as: reader, call: db.a, caller: { ▸roles: [a] }, expect: unknown'),
    says: '`roles` is not a key',
    helps: 'as: ROLE',
  },
];
