/**
 * Wrong configurations, one a row. `▸` stands right before the character at which the error has to point; `version: 1`
 * is put before texts that do not begin with it. Read as documentation: what is refused, what is said, what helps.
 */

/** A file beside the configuration. */
export interface OtherFile {
  readonly content: string;
  readonly mode?: number;
  readonly gid?: number;
}

/** One wrong configuration. */
export interface WrongConfig {
  readonly what: string;
  /** `/etc/sallyport/sallyport.yaml`. */
  readonly yaml: string;
  /** Part of the message. */
  readonly says: string;
  /** Part of the suggestion. */
  readonly helps: string;
  /** More files, by path relative to `/etc/sallyport`. The marker may stand in one of them. */
  readonly files?: Readonly<Record<string, OtherFile>>;
  /** Permissions of the configuration itself; 0600 when absent. */
  readonly mode?: number;
  readonly gid?: number;
  /** How many other problems the same mistake causes; none when absent. */
  readonly others?: number;
}

const files = (role: string): string =>
  `upstreams: { files: { command: [node, server.js] } }\nroles: { reader: ${role} }\n`;
const server = (body: string): string => `upstreams: { files: ${body} }\n`;
/** Made here, so that no scanner takes this file for a leak. */
const credential = ['gh', 'p_', 'x'.repeat(36)].join('');

/** Keys that nothing reads. */
export const wrongKeys: readonly WrongConfig[] = [
  {
    what: 'a misspelt key',
    yaml: '▸lisen: 127.0.0.1:1\n',
    says: '`lisen` is not a key',
    helps: 'did you mean `listen`',
  },
  { what: 'two letters swapped', yaml: '▸raefusals: result\n', says: '`raefusals`', helps: 'did you mean `refusals`' },
  { what: 'a key in capitals', yaml: '▸Listen: 127.0.0.1:1\n', says: '`Listen`', helps: 'did you mean `listen`' },
  { what: 'a key like no other', yaml: '▸whatever: 1\n', says: '`whatever`', helps: 'keys here: version, listen' },
  { what: 'a key of a client file', yaml: '▸mcpServers: {}\n', says: '`mcpServers`', helps: 'sallyport init --from' },
  { what: 'a port on its own', yaml: '▸port: 80\n', says: '`port`', helps: 'listen: 127.0.0.1:PORT' },
  { what: 'a YAML merge key', yaml: '▸<<: {}\n', says: '`<<`', helps: 'write the keys out' },
  {
    what: 'a misspelt limit',
    yaml: 'limits: { ▸dpeth: 3 }\n',
    says: '`dpeth` is not a key of limits',
    helps: '`depth`',
  },
  {
    what: 'a misspelt limit of a server',
    yaml: server('{ command: [x], limits: { ▸memroy: 1GiB } }'),
    says: '`memroy` is not a key of the limits of a server',
    helps: '`memory`',
  },
  {
    what: 'a misspelt key of a sandbox',
    yaml: server('{ command: [x], sandbox: { ▸netwrok: on } }'),
    says: '`netwrok` is not a key of a sandbox',
    helps: '`network`',
  },
  { what: 'a misspelt key of audit', yaml: 'audit: { ▸directry: x }\n', says: '`directry`', helps: '`directory`' },
  { what: 'a misspelt key of callers', yaml: 'callers: { ▸key: on }\n', says: '`key`', helps: '`keys`' },
  { what: 'a misspelt key of admin', yaml: 'admin: { ▸lissten: 127.0.0.1:1 }\n', says: '`lissten`', helps: '`listen`' },
  {
    what: 'a misspelt key of a role',
    yaml: files("{ ▸tool: ['files.*'] }"),
    says: '`tool` is not a key of a role',
    helps: '`tools`',
  },
  { what: 'allow in a role', yaml: files('{ ▸allow: [] }'), says: '`allow`', helps: 'tools, resources or prompts' },
  {
    what: 'a misspelt key of a grant',
    yaml: files('{ tools: [{ tool: files.x, ▸limits: 1/s }] }'),
    says: '`limits` is not a key of a grant of tools',
    helps: '`limit`',
  },
  {
    what: 'the word of another list in a grant',
    yaml: files('{ resources: [{ resource: files.x, ▸tool: files.y }] }'),
    says: '`tool`',
    helps: 'in a list of resources write `resource: …`',
  },
  {
    what: 'args beside a command',
    yaml: server('{ command: [npx], ▸args: [x] }'),
    says: '`args`',
    helps: 'as one list',
  },
  { what: 'a transport', yaml: server('{ command: [npx], ▸type: stdio }'), says: '`type`', helps: 'remove it' },
  {
    what: 'headers of an upstream',
    yaml: server('{ url: https://a.example/mcp, ▸headers: {} }'),
    says: '`headers`',
    helps: 'auth: { header:',
  },
  {
    what: 'a misspelt key of a server',
    yaml: server('{ command: [npx], ▸timout: 1s }'),
    says: '`timout`',
    helps: '`timeout`',
  },
  {
    what: 'env of an HTTP server',
    yaml: server('{ url: https://a.example/mcp, ▸env: {} }'),
    says: '`env`',
    helps: 'keys here: url',
  },
  {
    what: 'a token under auth',
    yaml: server('{ url: https://a.example/mcp, auth: { ▸token: env:T } }'),
    says: '`token`',
    helps: 'bearer: env:NAME',
  },
  {
    what: 'a misspelt key of a test',
    yaml: `${files('{}')}tests: [{ as: reader, call: files.x, expect: unknown, ▸wth: 1 }]\n`,
    says: '`wth` is not a key of a test',
    helps: 'keys here: as, call, read',
  },
];

/** Keys of the format that this version does not read. */
export const laterKeys: readonly WrongConfig[] = [
  ...['shared'].map((key) => ({
    what: key,
    yaml: `▸${key}: {}\n`,
    key,
  })),
  ...['oauth'].map((key) => ({
    what: key,
    yaml: `callers: { ▸${key}: {} }\n`,
    key,
  })),
  { what: 'audit.sinks', yaml: 'audit: { ▸sinks: [] }\n', key: 'sinks' },
  { what: 'approval', yaml: files('{ tools: [{ tool: files.x, ▸approval: required }] }'), key: 'approval' },
  { what: 'openapi', yaml: server('{ ▸openapi: ./shop.yaml }'), key: 'openapi' },
].map(({ what, yaml, key }) => ({
  what,
  yaml,
  says: `\`${key}\` is not available in this version`,
  helps: key === 'openapi' ? 'command:' : 'remove it',
}));

/** Values of the wrong type. */
export const wrongTypes: readonly WrongConfig[] = [
  { what: 'no version', yaml: 'version: 1\n---\n', says: 'a second document', helps: 'remove the line ---' },
  { what: 'a version that is text', yaml: "version: ▸'1'\n", says: 'is not a version', helps: 'version: 1' },
  { what: 'a newer version', yaml: 'version: ▸2\n', says: '"2" is not a version', helps: 'version: 1' },
  { what: 'a list as the file', yaml: '▸- version: 1\n', says: 'is a mapping', helps: 'version: 1' },
  { what: 'text as the file', yaml: '▸hello\n', says: 'is a mapping', helps: 'version: 1' },
  { what: 'an empty file', yaml: '▸', says: 'the file is empty', helps: 'sallyport init' },
  {
    what: 'a number for listen',
    yaml: 'listen: ▸8848\n',
    says: 'expected an address, found a number',
    helps: '127.0.0.1:8848',
  },
  { what: 'a list for listen', yaml: 'listen: ▸[127.0.0.1:1]\n', says: 'found a list', helps: '127.0.0.1:8848' },
  { what: 'a switch for listen', yaml: 'listen: ▸true\n', says: 'found a switch', helps: '127.0.0.1:8848' },
  { what: 'nothing for listen', yaml: 'listen:▸\n', says: 'a value is missing', helps: '127.0.0.1:8848' },
  { what: 'true for admin', yaml: 'admin: ▸true\n', says: 'expected admin', helps: 'off' },
  {
    what: 'text for origins',
    yaml: 'origins: ▸https://a.example\n',
    says: 'a list of origins, found text',
    helps: '[https://app.example.com]',
  },
  { what: 'a list for limits', yaml: 'limits: ▸[]\n', says: 'expected limits, found a list', helps: 'body: 1MiB' },
  { what: 'text for depth', yaml: 'limits: { depth: ▸deep }\n', says: 'expected a whole number', helps: '64' },
  { what: 'a fraction for depth', yaml: 'limits: { depth: ▸6.5 }\n', says: '6.5 is not a whole number', helps: '64' },
  { what: 'a number for a switch', yaml: 'callers: { keys: ▸1 }\n', says: 'a switch', helps: 'on or off' },
  { what: 'yes for a switch', yaml: 'callers: { keys: ▸yes }\n', says: '"yes" is not a switch', helps: 'here on' },
  {
    what: 'disabled for a switch',
    yaml: 'callers: { keys: ▸disabled }\n',
    says: '"disabled" is not a switch',
    helps: 'here off',
  },
  { what: 'a list for roles', yaml: 'roles: ▸[reader]\n', says: 'names and roles, found a list', helps: 'reader:' },
  { what: 'a list for a role', yaml: files("▸['files.*']"), says: 'expected a role, found a list', helps: 'tools:' },
  {
    what: 'text for tools',
    yaml: files("{ tools: ▸'files.*' }"),
    says: 'a list of patterns, found text',
    helps: "['files.read_*']",
  },
  { what: 'a number for a pattern', yaml: files('{ tools: [▸7] }'), says: 'found a number', helps: 'files.read_*' },
  {
    what: 'nothing for a pattern',
    yaml: files("{ tools: ['files.a', ▸~] }"),
    says: 'a value is missing',
    helps: 'files.read_*',
  },
  {
    what: 'a grant without its tool',
    yaml: files('{ tools: [▸{ limit: 1/s }] }'),
    says: '`tool` is missing',
    helps: 'tool: …',
  },
  { what: 'text for deny', yaml: "deny: ▸'*.x'\n", says: 'a list of patterns', helps: "['*.delete_*']" },
  { what: 'a list for upstreams', yaml: 'upstreams: ▸[]\n', says: 'names and upstreams', helps: 'command:' },
  { what: 'text for an upstream', yaml: server('▸npx'), says: 'expected an upstream', helps: 'command:' },
  {
    what: 'a shell line for a command',
    yaml: server("{ command: ▸'npx -y x' }"),
    says: 'there is no shell',
    helps: '[npx, -y, x]',
  },
  { what: 'an empty command', yaml: server('{ command: ▸[] }'), says: 'a program and its arguments', helps: '[npx' },
  {
    what: 'a mapping in a command',
    yaml: server('{ command: [npx, ▸{ a: b }] }'),
    says: 'a word of a command',
    helps: 'one item',
  },
  {
    what: 'a list for env',
    yaml: server('{ command: [npx], env: ▸[A=b] }'),
    says: 'names and values',
    helps: 'TOKEN: env:MY_TOKEN',
  },
  {
    what: 'nothing for a variable',
    yaml: server('{ command: [npx], env: { A: ▸} }'),
    says: 'a value for A',
    helps: 'inherit',
  },
  {
    what: 'text for ask',
    yaml: server('{ command: [npx], share: caller, ask: ▸roots }'),
    says: 'a list of requests',
    helps: '[elicitation]',
  },
  { what: 'a mapping for tests', yaml: 'tests: ▸{}\n', says: 'a list of tests', helps: 'expect: unknown' },
  { what: 'text for a test', yaml: 'tests: [▸x]\n', says: 'expected a test, found text', helps: 'expect: unknown' },
  {
    what: 'a list for arguments',
    yaml: 'audit: { arguments: ▸[] }\n',
    says: 'patterns and argument names',
    helps: 'db.query',
  },
  {
    what: 'text for argument names',
    yaml: 'audit: { arguments: { db.query: ▸schema } }\n',
    says: 'a list of argument names',
    helps: '[schema]',
  },
];

/** Values of the right type that mean nothing, or something unsafe. */
export const wrongValues: readonly WrongConfig[] = [
  {
    what: 'listening to everyone',
    yaml: 'listen: ▸0.0.0.0:8848\n',
    says: 'without encryption',
    helps: 'a proxy with TLS on this machine',
  },
  {
    what: 'listening to everyone, IPv6',
    yaml: "listen: ▸'[::]:8848'\n",
    says: 'without encryption',
    helps: '127.0.0.1:8848',
  },
  {
    what: 'listening on a private address',
    yaml: 'listen: ▸10.0.0.5:8848\n',
    says: 'without encryption',
    helps: '127.0.0.1:8848',
  },
  {
    what: 'listening on a host name',
    yaml: 'listen: ▸mcp.example.com:80\n',
    says: 'without encryption',
    helps: '127.0.0.1:80',
  },
  {
    what: 'a host that begins like loopback',
    yaml: 'listen: ▸127.0.0.1.example.com:80\n',
    says: 'without encryption',
    helps: '127.0.0.1:80',
  },
  { what: 'a port too high', yaml: 'listen: ▸127.0.0.1:70000\n', says: 'is not host:port', helps: '127.0.0.1:8848' },
  { what: 'a host without a port', yaml: 'listen: ▸localhost\n', says: 'is not host:port', helps: '127.0.0.1:8848' },
  { what: 'a port without a host', yaml: "listen: ▸':9000'\n", says: 'is not host:port', helps: '127.0.0.1:9000' },
  {
    what: 'an admin port for everyone',
    yaml: 'admin: { listen: ▸0.0.0.0:8849 }\n',
    says: 'the admin port',
    helps: 'ssh -L',
  },
  {
    what: 'one port for both',
    yaml: 'admin: ▸{ listen: 127.0.0.1:8848 }\n',
    says: 'cannot both listen',
    helps: 'another port',
  },
  {
    what: 'a public URL that is none',
    yaml: 'publicUrl: ▸mcp.example.com\n',
    says: 'is not a URL',
    helps: 'https://mcp.example.com',
  },
  {
    what: 'a public URL with a path',
    yaml: 'publicUrl: ▸https://a.example/mcp\n',
    says: 'more than a host',
    helps: 'write https://a.example',
  },
  {
    what: 'a public URL without TLS',
    yaml: 'publicUrl: ▸http://a.example\n',
    says: 'without encryption',
    helps: 'https://a.example',
  },
  { what: 'every origin', yaml: "origins: [▸'*']\n", says: 'every web page', helps: 'name each origin' },
  { what: 'the null origin', yaml: "origins: [▸'null']\n", says: 'every web page', helps: 'name each origin' },
  {
    what: 'an origin with a path',
    yaml: 'origins: [▸https://a.example/x]\n',
    says: 'is not an origin',
    helps: 'write https://a.example',
  },
  {
    what: 'an origin twice',
    yaml: 'origins: [https://a.example, ▸https://a.example]\n',
    says: 'stands twice',
    helps: 'keep one',
  },
  { what: 'another store', yaml: 'store: ▸mysql://x\n', says: 'is not a store', helps: 'sqlite:state/sallyport.db' },
  {
    what: 'a store of a later version',
    yaml: 'store: ▸postgres://x\n',
    says: 'postgres is not available',
    helps: 'sqlite:',
  },
  {
    what: 'another way of refusing',
    yaml: 'refusals: ▸statuses\n',
    says: 'is not one of result, status',
    helps: 'did you mean status',
  },
  {
    what: 'another durability',
    yaml: 'audit: { durability: ▸always }\n',
    says: '"always" is not one of',
    helps: 'intent, full, interval',
  },
  { what: 'no depth', yaml: 'limits: { depth: ▸0 }\n', says: '0 is not a whole number from 4', helps: '64' },
  { what: 'infinite depth', yaml: 'limits: { depth: ▸.inf }\n', says: 'is not a whole number', helps: '64' },
  { what: 'no calls at once', yaml: 'limits: { concurrentPerCaller: ▸0 }\n', says: 'from 1', helps: '32' },
  {
    what: 'a server in capitals',
    yaml: 'upstreams: { ▸Files: { command: [npx] } }\n',
    says: 'is not a name for an upstream',
    helps: 'write files',
  },
  {
    what: 'a server with _',
    yaml: 'upstreams: { ▸my_files: { command: [npx] } }\n',
    says: 'is not a name',
    helps: 'write my-files',
  },
  {
    what: 'a server that begins with a digit',
    yaml: 'upstreams: { ▸7zip: { command: [npx] } }\n',
    says: 'is not a name',
    helps: 'write zip',
  },
  {
    what: 'a long server name',
    yaml: `upstreams: { ▸${'a'.repeat(25)}: { command: [npx] } }\n`,
    says: 'at most 24',
    helps: 'a'.repeat(24),
  },
  {
    what: 'a server named as the prototype',
    yaml: 'upstreams: { ▸__proto__: { command: [npx] } }\n',
    says: 'is not a name',
    helps: 'write proto',
  },
  { what: 'a role with a dot', yaml: 'roles: { ▸a.b: {} }\n', says: 'is not a name for a role', helps: 'write a-b' },
  {
    what: 'a server that is nothing',
    yaml: 'upstreams: { ▸files: {} }\n',
    says: 'neither `command` nor `url`',
    helps: 'command: [PROGRAM',
  },
  {
    what: 'a misspelt command',
    yaml: 'upstreams: { files: { ▸comand: [npx] } }\n',
    says: '`comand` is not a key',
    helps: 'did you mean `command`',
  },
  {
    what: 'a server that is both',
    yaml: server('{ command: [npx], ▸url: https://a.example }'),
    says: 'either `command` or `url`',
    helps: 'remove one',
  },
  {
    what: 'a URL of another scheme',
    yaml: server('{ url: ▸ftp://a.example }'),
    says: 'is not an http(s) or ws(s) URL',
    helps: 'https://',
  },
  {
    what: 'a URL with a fragment',
    yaml: server("{ url: ▸'https://a.example/mcp#x' }"),
    says: 'fragment',
    helps: 'https://a.example/mcp',
  },
  {
    what: 'a WebSocket URL with a fragment',
    yaml: server("{ url: ▸'wss://a.example/mcp#x' }"),
    says: 'fragment',
    helps: 'wss://a.example/mcp',
  },
  {
    what: 'another way to share',
    yaml: server('{ command: [npx], share: ▸none }'),
    says: '"none" is not one of',
    helps: 'all, caller, session',
  },
  {
    what: 'another request to ask',
    yaml: server('{ command: [npx], share: caller, ask: [▸sampeling] }'),
    says: 'is not one of',
    helps: 'did you mean sampling',
  },
  {
    what: 'a shared server that asks',
    yaml: server('{ command: [npx], ▸ask: [roots] }'),
    says: 'that all callers share',
    helps: 'share: caller',
  },
  {
    what: 'a variable that is no name',
    yaml: server("{ command: [npx], env: { ▸'A B': x } }"),
    says: 'not the name of an environment variable',
    helps: 'MY_TOKEN',
  },
  {
    what: 'a header that is ours',
    yaml: server("{ url: https://a.example, auth: { header: { ▸Mcp-Session-Id: 'env:TOKEN' } } }"),
    says: 'the gateway sets Mcp-Session-Id itself',
    helps: 'X-Api-Key',
  },
  {
    what: 'a header that splits',
    yaml: server("{ url: https://a.example, auth: { header: { ▸'X: y': 'env:TOKEN' } } }"),
    says: 'is not the name of a header',
    helps: 'X-Api-Key',
  },
  {
    what: 'two ways to authenticate',
    yaml: server('{ url: https://a.example, auth: ▸{ bearer: env:TOKEN, header: { X-Key: env:TOKEN } } }'),
    says: 'exclude each other',
    helps: 'either bearer',
  },
  {
    what: 'two kinds of token',
    yaml: server('{ url: https://a.example, auth: ▸{ oauth: {}, bearer: env:TOKEN } }'),
    says: 'bearer and oauth exclude each other',
    helps: 'another kind alone',
  },
  {
    what: 'a user with a colon',
    yaml: server("{ url: https://a.example, auth: { basic: { user: ▸'a:b', password: env:TOKEN } } }"),
    says: 'cannot be a user name',
    helps: 'without colon',
  },
  {
    what: 'a password in clear',
    yaml: server('{ url: https://a.example, auth: { basic: { user: a, password: ▸hunter2 } } }'),
    says: 'a secret stands here in clear',
    helps: 'env:NAME',
  },
  {
    what: 'a token endpoint nobody knows',
    yaml: server('{ url: https://a.example, auth: { clientCredentials: ▸{ clientId: a, clientSecret: env:TOKEN } } }'),
    says: '`issuer` is missing',
    helps: 'tokenUrl: https://',
  },
  {
    what: 'two ways to the token endpoint',
    yaml: server(
      '{ url: https://a.example, auth: { clientCredentials: ▸{ issuer: https://b.example, tokenUrl: https://b.example/t, clientId: a, clientSecret: env:TOKEN } } }',
    ),
    says: 'issuer and tokenUrl exclude each other',
    helps: 'remove tokenUrl',
  },
  {
    what: 'a token endpoint without encryption',
    yaml: server(
      '{ url: https://a.example, auth: { clientCredentials: { tokenUrl: ▸http://b.example/t, clientId: a, clientSecret: env:TOKEN } } }',
    ),
    says: 'tokens would travel without encryption',
    helps: 'https://b.example',
  },
  {
    what: 'a client without proof',
    yaml: server(
      '{ url: https://a.example, auth: { clientCredentials: ▸{ issuer: https://b.example, clientId: a } } }',
    ),
    says: 'either clientSecret or privateKey',
    helps: 'clientSecret: env:NAME',
  },
  {
    what: 'on-behalf-of without scopes',
    yaml: server(
      '{ url: https://a.example, auth: { tokenExchange: ▸{ kind: entra-obo, issuer: https://b.example, clientId: a, clientSecret: env:TOKEN } } }',
    ),
    says: 'by `scopes`',
    helps: '/.default',
  },
  {
    what: 'an assertion grant for nobody',
    yaml: server(
      '{ url: https://a.example, auth: { tokenExchange: ▸{ kind: id-jag, issuer: https://b.example, clientId: a, clientSecret: env:TOKEN } } }',
    ),
    says: '`audience` and `target`',
    helps: 'target: { clientId',
  },
  {
    what: 'a kind of exchange that is none',
    yaml: server(
      '{ url: https://a.example, auth: { tokenExchange: { kind: ▸obo, issuer: https://b.example, clientId: a, clientSecret: env:TOKEN } } }',
    ),
    says: 'obo',
    helps: 'entra-obo',
  },
  {
    what: 'a secret for whoever the server names',
    yaml: server('{ url: https://a.example, auth: { oauth: ▸{ clientId: a, clientSecret: env:TOKEN } } }'),
    says: 'whichever authorization server',
    helps: 'issuer: https://',
  },
  {
    what: 'scopes in one text',
    yaml: server("{ url: https://a.example, auth: { oauth: { scopes: [▸'read write'] } } }"),
    says: 'is not a scope',
    helps: '[read, write]',
  },
  {
    what: 'accounts of people on a shared connection',
    yaml: server('{ url: https://a.example, ▸share: all, auth: { oauth: {} } }'),
    says: 'each caller has a credential of its own',
    helps: 'share: caller',
  },
  {
    what: 'a certificate that is none',
    yaml: server('{ url: https://a.example, auth: { mtls: { cert: ▸env:TOKEN, key: env:TOKEN } } }'),
    says: 'holds no certificate',
    helps: 'client.pem',
  },
  {
    what: 'no way to authenticate',
    yaml: server('{ url: https://a.example, auth: ▸{} }'),
    says: 'auth is empty',
    helps: 'bearer: env:NAME',
  },
  {
    what: 'an end before the timeout',
    yaml: server('{ command: [npx], maxTime: ▸10s }'),
    says: 'maxTime is shorter',
    helps: 'at least as long',
  },
];

/** References to roles and servers that the file does not have. */
export const wrongReferences: readonly WrongConfig[] = [
  {
    what: 'a local role that is none',
    yaml: `${files('{}')}callers: { local: ▸raeder }\n`,
    says: 'no role "raeder"',
    helps: 'did you mean reader',
  },
  {
    what: 'an anonymous role without roles',
    yaml: 'callers: { anonymous: ▸guest }\n',
    says: 'no role "guest"',
    helps: 'define it under roles',
  },
  {
    what: 'a test for no role',
    yaml: `${files('{}')}tests: [{ as: ▸admin, call: files.x, expect: unknown }]\n`,
    says: 'no role "admin"',
    helps: 'roles here: reader',
  },
  {
    what: 'a test for no server',
    yaml: `${files('{}')}tests: [{ as: reader, call: ▸fiels.x, expect: unknown }]\n`,
    says: 'no upstream "fiels"',
    helps: 'did you mean files.x',
  },
  {
    what: 'a test for a server only',
    yaml: `${files('{}')}tests: [{ as: reader, call: ▸read_file, expect: unknown }]\n`,
    says: 'is not upstream.tool',
    helps: 'files.read_file',
  },
  {
    what: 'a test that expects something else',
    yaml: `${files('{}')}tests: [{ as: reader, call: files.x, expect: ▸allow }]\n`,
    says: '"allow" is not one of',
    helps: 'did you mean allowed',
  },
  {
    what: 'a test without expectation',
    yaml: `${files('{}')}tests: [▸{ as: reader, call: files.x }]\n`,
    says: '`expect` is missing',
    helps: 'expect: …',
  },
  {
    what: 'anonymous callers from outside',
    yaml: `${files('{}')}listen: 0.0.0.0:1\ncallers: { ▸anonymous: reader }\n`,
    says: 'on loopback only, and listen is not',
    helps: 'sallyport keys create',
    others: 1,
  },
  {
    what: 'anonymous callers behind a proxy',
    yaml: `${files('{}')}publicUrl: https://a.example\ncallers: { ▸anonymous: reader }\n`,
    says: 'on loopback only, and publicUrl is not',
    helps: 'sallyport keys create',
  },
];

/** Patterns. */
export const wrongPatterns: readonly WrongConfig[] = [
  { what: 'an empty pattern', yaml: files("{ tools: [▸''] }"), says: 'the text is empty', helps: 'files.read_*' },
  { what: 'an empty subtraction', yaml: files("{ tools: ['!▸'] }"), says: 'must not be empty', helps: "'files.*'" },
  {
    what: 'a tool without its server',
    yaml: files('{ tools: [read_file▸] }'),
    says: 'names a server',
    helps: "'files.read_file'",
  },
  {
    what: 'a server name in capitals',
    yaml: files("{ tools: ['▸Files.read'] }"),
    says: 'server',
    helps: 'server.name',
  },
  { what: 'an unknown escape', yaml: files("{ tools: ['files.a▸\\d'] }"), says: 'are escapes', helps: 'single quotes' },
  {
    what: 'a backslash at the end',
    yaml: files("{ tools: ['files.a▸\\'] }"),
    says: 'are escapes',
    helps: 'single quotes',
  },
  {
    what: 'a pattern twice',
    yaml: files("{ tools: ['files.a', ▸'files.a'] }"),
    says: 'stands twice',
    helps: 'keep one',
  },
  {
    what: 'a pattern too long',
    yaml: files(`{ tools: ['files.${'a'.repeat(1018)}▸a'] }`),
    says: '1024',
    helps: 'server.name',
  },
  {
    what: 'a subtraction in deny',
    yaml: "deny: [▸'!files.x']\n",
    says: 'only the lists of a role know !pattern',
    helps: "'files.x'",
  },
  {
    what: 'a subtraction in a grant',
    yaml: files("{ tools: [{ tool: ▸'!files.x' }] }"),
    says: 'only the lists of a role know !pattern',
    helps: "'files.x'",
  },
  {
    what: 'a pattern for arguments',
    yaml: 'audit: { arguments: { query▸: [schema] } }\n',
    says: 'names a server',
    helps: 'query',
  },
  {
    what: 'a URI without its server',
    yaml: files("{ resources: ['file▸:///srv/*'] }"),
    says: 'server',
    helps: "'files.file:///srv/*'",
  },
];

/** Rates, durations, sizes. */
export const wrongQuantities: readonly WrongConfig[] = [
  { what: 'a rate per sec', yaml: 'limits: { perAddress: 10/▸sec }\n', says: 'per s, m, h or d', helps: 'write 10/s' },
  {
    what: 'a rate in words',
    yaml: 'limits: { perAddress: 10▸ per minute }\n',
    says: 'is not a rate',
    helps: 'write 10/m',
  },
  { what: 'a rate without unit', yaml: 'limits: { perAddress: ▸10 }\n', says: '10 has no unit', helps: 'write 10/s' },
  { what: 'a rate of nothing', yaml: 'limits: { perAddress: ▸0/s }\n', says: 'at least 1', helps: 'such as 10/s' },
  { what: 'a negative rate', yaml: 'limits: { perAddress: ▸-1/s }\n', says: 'is not a rate', helps: 'such as 10/s' },
  {
    what: 'a fraction of a rate',
    yaml: 'limits: { perAddress: 1▸.5/s }\n',
    says: 'is not a rate',
    helps: 'such as 10/s',
  },
  { what: 'an endless rate', yaml: 'limits: { perAddress: ▸999999999/s }\n', says: 'at most', helps: 'such as 10/s' },
  {
    what: 'a burst without number',
    yaml: 'limits: { perAddress: 10/s▸ burst }\n',
    says: 'is not a rate',
    helps: 'such as 10/s',
  },
  {
    what: 'a burst with =',
    yaml: 'limits: { perAddress: 10/s▸ burst=20 }\n',
    says: 'is not a rate',
    helps: 'write 10/s burst 20',
  },
  { what: 'a rate of a role', yaml: files('{ limit: 5/▸week }'), says: 'per s, m, h or d', helps: 'such as 10/s' },
  {
    what: 'a rate of a grant',
    yaml: files('{ tools: [{ tool: files.x, limit: ▸5 }] }'),
    says: 'no unit',
    helps: '5/s',
  },
  {
    what: 'a rate of a server',
    yaml: server('{ command: [npx], limit: ▸fast }'),
    says: 'is not a rate',
    helps: '10/s',
  },
  {
    what: 'a duration without unit',
    yaml: 'limits: { requestTimeout: ▸60 }\n',
    says: '60 has no unit',
    helps: 'write 60s',
  },
  {
    what: 'a duration in words',
    yaml: 'limits: { requestTimeout: 60▸ seconds }\n',
    says: 'is not a duration',
    helps: 'write 60s',
  },
  { what: 'a duration too short', yaml: 'limits: { requestTimeout: ▸1ms }\n', says: 'from 1s to 1h', helps: '60s' },
  {
    what: 'a timeout too long',
    yaml: server('{ command: [npx], timeout: ▸48h }'),
    says: 'from 100ms to 24h',
    helps: '60s',
  },
  { what: 'keeping for months', yaml: 'audit: { keep: 3▸months }\n', says: 'is not a duration', helps: 'such as' },
  { what: 'keeping for no day', yaml: 'audit: { keep: ▸0d }\n', says: 'from 1d', helps: 'such as' },
  { what: 'a size without unit', yaml: 'limits: { body: ▸1048576 }\n', says: 'has no unit', helps: 'write 1048576B' },
  { what: 'a size in lower case', yaml: 'limits: { body: 1▸mb }\n', says: 'is not a size', helps: 'write 1MiB' },
  { what: 'a size with a space', yaml: 'limits: { body: 1▸ MiB }\n', says: 'is not a size', helps: 'write 1MiB' },
  { what: 'no size', yaml: 'limits: { body: ▸0B }\n', says: 'from 1KiB', helps: '1MiB' },
  { what: 'a size of a terabyte', yaml: 'limits: { message: ▸1024GiB }\n', says: 'to 256MiB', helps: '1MiB' },
  { what: 'tiny audit files', yaml: 'audit: { rotate: ▸1B }\n', says: 'from 64KiB', helps: '1MiB' },
];

/** YAML that would silently mean something else, or nothing. */
export const yamlTraps: readonly WrongConfig[] = [
  {
    what: 'an unquoted !pattern',
    yaml: files('{ tools: [files.a, ▸!files.b] }'),
    says: '!files.b is a YAML tag',
    helps: "quotes: '!files.b'",
  },
  {
    what: 'an unquoted !pattern in lines',
    yaml: 'roles:\n  reader:\n    tools:\n      - "*"\n      - ▸!files.b\n    prompts: ["*"]\n',
    says: '!files.b is a YAML tag',
    helps: "'!files.b'",
  },
  {
    what: 'a tag before a value',
    yaml: 'listen: ▸!address 127.0.0.1:1\n',
    says: '!address is a YAML tag',
    helps: 'quotes',
  },
  {
    what: 'a tag of YAML itself',
    yaml: 'listen: ▸!!str 127.0.0.1:1\n',
    says: '!!str is a YAML tag',
    helps: 'remove the tag !!str',
  },
  {
    what: 'a binary value',
    yaml: 'listen: ▸!!binary MTI3\n',
    says: 'is a YAML tag',
    helps: 'remove the tag',
    others: 1,
  },
  { what: 'a tag before a list', yaml: 'origins: ▸!x []\n', says: 'is a YAML tag', helps: 'quotes' },
  { what: 'an unquoted *.pattern', yaml: 'deny: [▸*.delete]\n', says: '*.delete is a YAML alias', helps: "'*.delete'" },
  { what: 'an unquoted *', yaml: 'deny: [▸*]\n', says: 'a YAML alias', helps: "'*'" },
  {
    what: 'a key twice',
    yaml: 'refusals: status\n▸refusals: result\n',
    says: '`refusals` stands twice: first at line 2',
    helps: 'keep one',
  },
  { what: 'a role twice', yaml: 'roles:\n  a: {}\n  ▸a: {}\n', says: '`a` stands twice', helps: 'keep one' },
  {
    what: 'a key twice, once in quotes',
    yaml: "refusals: status\n▸'refusals': result\n",
    says: 'stands twice',
    helps: 'keep one',
  },
  { what: 'a list as a key', yaml: '▸[a, b]: c\n', says: 'a key must be a word', helps: 'key: value' },
  { what: 'a tab', yaml: 'roles:\n▸\ta: {}\n', says: 'tabs cannot indent', helps: 'two spaces' },
  { what: 'an open quote', yaml: "listen: ▸'127.0.0.1:1\n", says: "this ' is never closed", helps: 'close it' },
  { what: 'an open bracket', yaml: 'deny: ▸[a.b\nroles: {}\n', says: 'this [ is never closed', helps: 'close it' },
  { what: 'two colons', yaml: 'listen: ▸host: 1\n', says: 'two colons', helps: 'in quotes' },
  { what: 'a reserved character', yaml: 'listen: ▸@home\n', says: 'cannot begin with this character', helps: 'quotes' },
  { what: 'an unknown escape', yaml: 'listen: "▸\\q"\n', says: 'escape', helps: 'single quotes' },
  {
    what: 'a directive',
    yaml: '▸%POLICY off\n---\nversion: 1\n',
    says: 'directives',
    helps: 'remove the line',
  },
  {
    what: 'a second document',
    yaml: 'refusals: status\n▸---\nrefusals: result\n',
    says: 'a second document begins',
    helps: 'several -c',
  },
  { what: 'a value in its own list', yaml: 'deny: &a [▸*a]\n', says: 'nested too deep', helps: 'levels' },
  {
    what: 'two thousand brackets',
    yaml: `deny: ${'['.repeat(2000)}${']'.repeat(2000)}\n`,
    says: 'nested too deep',
    helps: 'levels',
  },
  {
    what: 'a thousand aliases',
    yaml: `origins: &a []\ndeny: [${'*a, '.repeat(256)}▸*a]\n`,
    says: 'more than 256 aliases',
    helps: 'write the values out',
  },
  {
    what: 'a billion laughs',
    yaml: `a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n${'bcdefghi'
      .split('')
      .map(
        (name, index) => `${name}: &${name} [${Array.from({ length: 9 }, () => `*${'abcdefgh'[index]}`).join(', ')}]\n`,
      )
      .join('')}`,
    says: 'too many',
    helps: 'write the values out',
  },
];

/** Secrets that stand in the file, and references that lead nowhere. */
export const wrongSecrets: readonly WrongConfig[] = [
  {
    what: 'a token in env',
    yaml: server('{ command: [npx], env: { GITHUB_TOKEN: ▸abc } }'),
    says: 'GITHUB_TOKEN looks like a secret',
    helps: 'env:GITHUB_TOKEN',
  },
  {
    what: 'a key in env',
    yaml: server('{ command: [npx], env: { OPENAI_API_KEY: ▸abc } }'),
    says: 'looks like a secret',
    helps: 'file:PATH',
  },
  {
    what: 'a password in env',
    yaml: server("{ command: [npx], env: { DB_PASSWORD: ▸'abc' } }"),
    says: 'looks like a secret',
    helps: 'env:DB_PASSWORD',
  },
  {
    what: 'a secret in lower case',
    yaml: server('{ command: [npx], env: { client_secret: ▸abc } }'),
    says: 'looks like a secret',
    helps: 'env:client_secret',
  },
  {
    what: 'a credential under another name',
    yaml: server(`{ command: [npx], env: { LOG: ▸${credential} } }`),
    says: 'looks like a credential',
    helps: 'LOG: env:LOG',
  },
  {
    what: 'a credential as an argument',
    yaml: server(`{ command: [npx, ▸--auth=${credential}] }`),
    says: 'looks like a credential',
    helps: 'in the environment',
  },
  {
    what: 'a bearer in clear',
    yaml: server('{ url: https://a.example, auth: { bearer: ▸abc } }'),
    says: 'a secret stands here in clear',
    helps: 'env:NAME',
  },
  {
    what: 'a header in clear',
    yaml: server('{ url: https://a.example, auth: { header: { X-Key: ▸abc } } }'),
    says: 'in clear',
    helps: 'file:PATH',
  },
  {
    what: 'a bearer that is a URI',
    yaml: server('{ url: https://a.example, auth: { bearer: ▸file:///etc/token } }'),
    says: 'in clear',
    helps: 'file:PATH',
  },
  {
    what: 'a password in a URL',
    yaml: server('{ url: ▸https://me:pw@a.example }'),
    says: 'a user name or password',
    helps: 'auth:',
  },
  {
    what: 'a master key in clear',
    yaml: 'master: ▸abc\n',
    says: 'the master key stands here in clear',
    helps: 'file:state/master.key',
  },
  {
    what: 'a variable that is not set',
    yaml: server('{ command: [npx], env: { A: ▸env:NOT_SET } }'),
    says: 'NOT_SET is not set',
    helps: 'export NOT_SET',
  },
  {
    what: 'a variable that is empty',
    yaml: server('{ command: [npx], env: { A: ▸env:EMPTY } }'),
    says: 'EMPTY is empty',
    helps: 'export EMPTY',
  },
  {
    what: 'no variable',
    yaml: server("{ command: [npx], env: { A: ▸'env:' } }"),
    says: 'needs the name',
    helps: 'env:NAME',
  },
  {
    what: 'a variable with a dash',
    yaml: server('{ command: [npx], env: { A: ▸env:A-B } }'),
    says: 'needs the name',
    helps: 'env:NAME',
  },
  {
    what: 'a file that is absent',
    yaml: server('{ command: [npx], env: { A: ▸file:secrets/a } }'),
    says: '/etc/sallyport/secrets/a does not exist',
    helps: 'create it',
  },
  {
    what: 'no file',
    yaml: server("{ command: [npx], env: { A: ▸'file:' } }"),
    says: 'needs a path',
    helps: 'file:PATH',
  },
  {
    what: 'a command that fails',
    yaml: server('{ command: [npx], env: { A: ▸command:false } }'),
    says: '`false` gave no value: exit code 1',
    helps: 'in a terminal',
  },
  {
    what: 'no command',
    yaml: server("{ command: [npx], env: { A: ▸'command:' } }"),
    says: 'needs a program',
    helps: 'command:PROGRAM',
  },
  {
    what: 'a command with an open quote',
    yaml: server('{ command: [npx], env: { A: ▸command:pass "a } }'),
    says: 'split into words',
    helps: 'quotes',
  },
  { what: 'an address that is not set', yaml: 'listen: ▸env:NOT_SET\n', says: 'NOT_SET is not set', helps: 'export' },
  {
    what: 'an address that is none',
    yaml: 'listen: ▸env:TOKEN\n',
    says: '"env:TOKEN" is not host:port',
    helps: 'correct the value behind env:TOKEN',
  },
  {
    what: 'a file that is empty',
    yaml: server('{ command: [npx], env: { A: ▸file:a } }'),
    files: { a: { content: '\n' } },
    says: 'empty value',
    helps: 'store the value',
  },
  {
    what: 'a file that is too large',
    yaml: server('{ command: [npx], env: { A: ▸file:a } }'),
    files: { a: { content: 'x'.repeat(70_000) } },
    says: 'larger than 64 KiB',
    helps: 'only the value',
  },
  {
    what: 'a credential with a line break',
    yaml: server('{ url: https://a.example, auth: { bearer: ▸file:a } }'),
    files: { a: { content: 'a\nX-Injected: b' } },
    says: 'no HTTP header can carry',
    helps: 'correct the value behind file:a',
  },
];

/** Files that others can change, and secrets that others can read. */
export const unsafeFiles: readonly WrongConfig[] = [
  {
    what: 'a file that everyone can change',
    yaml: '▸version: 1\n',
    mode: 0o646,
    says: 'can be changed by everyone (mode 0646)',
    helps: 'chmod o-w',
  },
  {
    what: 'a file that another group can change',
    yaml: '▸version: 1\n',
    mode: 0o664,
    gid: 7,
    says: 'a group that is not ours',
    helps: 'chmod g-w',
  },
  {
    what: 'a secret that everyone can read',
    yaml: server('{ command: [npx], env: { A: ▸file:a } }'),
    files: { a: { content: 'x', mode: 0o604 } },
    says: 'can be read by everyone (mode 0604)',
    helps: 'defaultMode: 0440',
  },
  {
    what: 'a secret that another group can read',
    yaml: server('{ command: [npx], env: { A: ▸file:a } }'),
    files: { a: { content: 'x', mode: 0o640, gid: 7 } },
    says: 'read by a group that is not ours',
    helps: 'fsGroup',
  },
  {
    what: 'a secret that everyone can change',
    yaml: server('{ command: [npx], env: { A: ▸file:a } }'),
    files: { a: { content: 'x', mode: 0o602 } },
    says: 'can be changed by everyone',
    helps: 'chmod o-w',
  },
  {
    what: 'an included file that everyone can change',
    yaml: 'include: [more.yaml]\n',
    files: { 'more.yaml': { content: '▸roles: {}\n', mode: 0o606 } },
    says: 'can be changed by everyone',
    helps: 'chmod o-w',
  },
];

/** Included files. */
export const wrongIncludes: readonly WrongConfig[] = [
  {
    what: 'a file that is absent',
    yaml: 'include: [▸more.yaml]\n',
    says: '/etc/sallyport/more.yaml does not exist',
    helps: 'create it',
  },
  {
    what: 'a folder that is absent',
    yaml: "include: [▸'servers/*.yaml']\n",
    says: 'no folder /etc/sallyport/servers',
    helps: 'create it',
  },
  {
    what: 'every folder below',
    yaml: "include: [▸'servers/**/*.yaml']\n",
    says: 'last part',
    helps: 'one folder a line',
  },
  { what: 'a wild folder', yaml: "include: [▸'*/a.yaml']\n", says: 'last part', helps: 'one folder a line' },
  {
    what: 'another wild card',
    yaml: "include: [▸'servers/?.yaml']\n",
    says: 'only * is special',
    helps: 'servers/*.yaml',
  },
  { what: 'a reference', yaml: "include: [▸'env:FILE']\n", says: 'is not a path', helps: 'servers/*.yaml' },
  { what: 'a number', yaml: 'include: [▸5]\n', says: 'expected a path', helps: 'servers/*.yaml' },
  {
    what: 'text in place of a list',
    yaml: 'include: ▸more.yaml\n',
    says: 'a list of paths',
    helps: '[servers/*.yaml]',
  },
  {
    what: 'a key that only the main file has',
    yaml: 'include: [more.yaml]\n',
    files: { 'more.yaml': { content: '▸listen: 127.0.0.1:1\n' } },
    says: 'cannot stand in an included file',
    helps: 'move it to the main file',
  },
  {
    what: 'an include in an included file',
    yaml: 'include: [more.yaml]\n',
    files: { 'more.yaml': { content: '▸include: [x.yaml]\n' } },
    says: '`include` cannot stand in an included file',
    helps: 'main file',
  },
  {
    what: 'a misspelt key in an included file',
    yaml: 'include: [more.yaml]\n',
    files: { 'more.yaml': { content: '▸upstream: {}\n' } },
    says: '`upstream`',
    helps: 'did you mean `upstreams`',
  },
  {
    what: 'a server that the main file has',
    yaml: `include: [more.yaml]\n${server('{ command: [a] }')}`,
    files: { 'more.yaml': { content: 'upstreams:\n  ▸files: { command: [b] }\n' } },
    says: '`files` is already defined in /etc/sallyport/sallyport.yaml:3',
    helps: 'rename one',
  },
  {
    what: 'a role in two included files',
    yaml: "include: ['roles/*.yaml']\n",
    files: {
      'roles/a.yaml': { content: 'roles: { reader: {} }\n' },
      'roles/b.yaml': { content: 'roles: { ▸reader: {} }\n' },
    },
    says: '`reader` is already defined in /etc/sallyport/roles/a.yaml:1',
    helps: 'rename one',
  },
  {
    what: 'a mistake in an included file',
    yaml: 'include: [more.yaml]\n',
    files: { 'more.yaml': { content: 'roles:\n  reader:\n    tools: [read▸]\n' } },
    says: 'names a server',
    helps: 'read',
  },
];

const proxied = 'behindProxy: { trusted: [10.0.0.1] }\n';
const named = (certificates: string): string =>
  `${files('{}')}behindProxy: { trusted: [10.0.0.1], certificate: { header: a, verified: b } }\ncallers: { certificates: ${certificates} }\n`;

/** Doors to other machines: TLS, proxies, client certificates. */
export const wrongDoors: readonly WrongConfig[] = [
  { what: 'TLS with nothing', yaml: 'tls: ▸{}\n', says: '`cert` is missing', helps: 'cert: …', others: 1 },
  { what: 'TLS as a switch', yaml: 'tls: ▸on\n', says: 'expected tls', helps: 'file:tls/key.pem' },
  {
    what: 'a certificate that is not there',
    yaml: 'tls: { cert: ▸cert.pem, key: env:TOKEN }\n',
    says: 'cert.pem does not exist',
    helps: 'correct the path',
    others: 1,
  },
  {
    what: 'a certificate that is none',
    yaml: 'tls: { cert: ▸cert.pem, key: env:TOKEN }\n',
    files: { 'cert.pem': { content: 'hello' } },
    says: 'holds no certificate',
    helps: 'BEGIN CERTIFICATE',
    others: 1,
  },
  {
    what: 'a certificate that anybody can change',
    yaml: 'tls: { cert: ▸cert.pem, key: env:TOKEN }\n',
    files: { 'cert.pem': { content: 'hello', mode: 0o666 } },
    says: 'can be changed by everyone',
    helps: 'chmod o-w',
    others: 1,
  },
  {
    what: 'the path of a key',
    yaml: 'tls: { cert: cert.pem, key: ▸tls/key.pem }\n',
    says: 'named by a reference',
    helps: 'write file:tls/key.pem',
    others: 1,
  },
  {
    what: 'a key that is none',
    yaml: 'tls: { cert: cert.pem, key: ▸env:TOKEN }\n',
    says: 'env:TOKEN leads to no private key',
    helps: 'BEGIN PRIVATE KEY',
    others: 1,
  },
  {
    what: 'a key that others can read',
    yaml: 'tls: { cert: cert.pem, key: ▸file:key.pem }\n',
    files: { 'key.pem': { content: 'hello', mode: 0o644 } },
    says: 'can be read by everyone',
    helps: 'chmod 600',
    others: 1,
  },
  {
    what: 'an older protocol',
    yaml: 'tls: { cert: env:TOKEN, key: env:TOKEN, ▸minVersion: TLSv1.1 }\n',
    says: '`minVersion`',
    helps: 'nothing older',
    others: 2,
  },
  { what: 'proxies without a name', yaml: 'behindProxy: ▸{}\n', says: '`trusted` is missing', helps: 'trusted: …' },
  { what: 'no proxy', yaml: 'behindProxy: { trusted: ▸[] }\n', says: 'no proxy is trusted', helps: '10.0.0.0/8' },
  {
    what: 'a proxy by name',
    yaml: 'behindProxy: { trusted: [▸nginx] }\n',
    says: 'not an address',
    helps: '10.0.0.0/8',
  },
  {
    what: 'everybody as a proxy',
    yaml: 'behindProxy: { trusted: [▸0.0.0.0/0] }\n',
    says: 'is everybody',
    helps: 'only',
  },
  { what: 'everybody, IPv6', yaml: "behindProxy: { trusted: [▸'::/0'] }\n", says: 'is everybody', helps: 'only' },
  {
    what: 'a network too long',
    yaml: 'behindProxy: { trusted: [▸10.0.0.0/33] }\n',
    says: 'not an address',
    helps: '/8',
  },
  { what: 'a short address', yaml: 'behindProxy: { trusted: [▸10.0.0/8] }\n', says: 'not an address', helps: '/8' },
  {
    what: 'a header beside the proxies',
    yaml: 'behindProxy: { trusted: [10.0.0.1], ▸certificateHeader: x }\n',
    says: '`certificateHeader`',
    helps: 'certificate: { header:',
  },
  {
    what: 'a certificate in the header of something else',
    yaml: 'behindProxy: { trusted: [10.0.0.1], certificate: { header: ▸Authorization, verified: x } }\n',
    says: 'carries something else',
    helps: 'ssl-client-cert',
  },
  {
    what: 'a certificate without a word that it is good',
    yaml: 'behindProxy: { trusted: [10.0.0.1], certificate: ▸{ header: x } }\n',
    says: '`verified` is missing',
    helps: 'verified: …',
  },
  {
    what: 'a certificate that is its own word',
    yaml: 'behindProxy: { trusted: [10.0.0.1], certificate: ▸{ header: x, verified: X } }\n',
    says: 'cannot carry the certificate and say that it is good',
    helps: 'of its own',
  },
  {
    what: 'certificates that name nobody',
    yaml: 'behindProxy: { trusted: [10.0.0.1], ▸certificate: { header: a, verified: b } }\n',
    says: 'name nobody',
    helps: 'callers: { certificates:',
  },
  {
    what: 'certificates that nobody can show',
    yaml: `${files('{}')}callers: { ▸certificates: { identity: san-uri, roles: { '*': reader } } }\n`,
    says: 'nothing asks for one',
    helps: 'clientCa',
  },
  {
    what: 'a part of a certificate that is none',
    yaml: named("{ identity: ▸san_uri, roles: { '*': reader } }"),
    says: 'is not one of san-uri',
    helps: 'did you mean san-uri',
  },
  {
    what: 'certificates without a part',
    yaml: named("▸{ roles: { '*': reader } }"),
    says: '`identity` is missing',
    helps: 'identity: …',
  },
  {
    what: 'a role of certificates that is not there',
    yaml: named("{ identity: san-uri, roles: { '*': ▸raeder } }"),
    says: 'there is no role',
    helps: 'did you mean reader',
  },
  {
    what: 'a broken pattern of certificates',
    yaml: named('{ identity: san-uri, roles: { a▸\\d: reader } }'),
    says: 'are escapes',
    helps: 'with * for any text',
  },
  {
    what: 'no roles for certificates',
    yaml: named('{ identity: san-uri, roles: ▸{} }'),
    says: 'patterns of identities',
    helps: 'spiffe://',
  },
  {
    what: 'every address without a name',
    yaml: `${proxied}listen: ▸0.0.0.0:8848\n`,
    says: 'not known which Host is ours',
    helps: 'publicUrl: https://HOST',
  },
  {
    what: 'every address without a name, IPv6',
    yaml: `${proxied}listen: ▸'[::]:8848'\n`,
    says: 'not known which Host is ours',
    helps: 'publicUrl: https://HOST',
  },
  {
    what: 'anonymous callers through a proxy',
    yaml: `${files('{}')}${proxied}callers: { ▸anonymous: reader }\n`,
    says: 'a proxy forwards from elsewhere',
    helps: 'sallyport keys create',
  },
];
