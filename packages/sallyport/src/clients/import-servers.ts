/** Turns the servers of client programs into upstreams: legal and unique names, secrets out into files of their own. */
import { isAbsolute, join } from 'node:path';
import type { ClientServer } from './read-servers.ts';
import { isSecret, isSecretName } from './secrets.ts';
import { expandPlaces, importValue, type VariableScope } from './variables.ts';

/** A string of `sallyport.yaml`: a literal, or a reference such as `env:NAME`. */
export type ConfigText = string;

/** A server that became an upstream. */
export type ImportedUpstream = {
  readonly name: string;
  /** Whose it was, for a comment: `"GitHub" of Cursor`. */
  readonly from: string;
} & (
  | {
      readonly kind: 'stdio';
      readonly command: readonly ConfigText[];
      readonly env: readonly (readonly [string, ConfigText])[];
      readonly cwd: string | undefined;
    }
  | {
      readonly kind: 'http';
      readonly url: ConfigText;
      readonly bearer: ConfigText | undefined;
      readonly headers: readonly (readonly [string, ConfigText])[];
    }
);

/** A secret that gets a file of its own. Without a value, a person has to write it. */
export interface SecretFile {
  /** Name below `state/secrets`. */
  readonly file: string;
  readonly value: string | undefined;
  /** What is missing, when there is no value. */
  readonly needs?: string;
}

/** Something a person ought to know about one server. */
export interface Remark {
  readonly server: string;
  readonly text: string;
}

/** All that an import gives. */
export interface Imported {
  readonly upstreams: readonly ImportedUpstream[];
  readonly secrets: readonly SecretFile[];
  readonly remarks: readonly Remark[];
}

/** The servers of one file, and what is needed to read its variables. */
export interface ImportSource {
  readonly program: string;
  readonly workspace: string;
  readonly servers: readonly ClientServer[];
  /** Reads the file that `envFile` names; nothing when it cannot. */
  readEnvFile(path: string): Readonly<Record<string, string | undefined>> | undefined;
}

/** Where the import happens. */
export interface ImportTarget {
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute folder of the new `sallyport.yaml`. */
  readonly folder: string;
}

/** Where secrets go, below the folder of the configuration. */
export const secretsFolder = 'state/secrets';

/** What most servers need besides PATH, which every server gets: where its caches and settings are. */
const inherited = ['HOME'];

/** Headers that no upstream may be given: the gateway writes them. */
const ownHeaders =
  /^(?:host|connection|content-.*|transfer-encoding|te|trailer|upgrade|keep-alive|accept|mcp-.*|last-event-id|proxy-.*)$/i;

const environmentName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Turns servers into upstreams. Two servers that are the same in all but the file they stand in become one. */
export function importServers(sources: readonly ImportSource[], target: ImportTarget): Imported {
  const upstreams: ImportedUpstream[] = [];
  const secrets: SecretFile[] = [];
  const remarks: Remark[] = [];
  const seen = new Set<string>();
  const names = new Set<string>();
  for (const source of sources) {
    for (const server of source.servers) {
      const remark = (text: string) => void remarks.push({ server: server.name, text });
      const { isDisabled, ...content } = server;
      const fingerprint = JSON.stringify(content);
      if (seen.has(fingerprint)) continue;
      seen.add(fingerprint);
      if (isOwnEntry(server)) continue;
      if (isDisabled) {
        remark('is turned off there, so it was left out');
        continue;
      }
      const name = uniqueName(legalName(server.name), names);
      if (name !== server.name) remark(`is called "${name}" here, because names are [a-z][a-z0-9-]{0,23} and unique`);
      const upstream = importServer(name, server, source, target, secrets, remark);
      if (upstream !== undefined) upstreams.push(upstream);
    }
  }
  return { upstreams, secrets, remarks };
}

/** Tells whether a server is Sallyport itself, as `connect` writes it. */
export function isOwnEntry(server: ClientServer): boolean {
  const words = [server.command ?? '', ...server.args];
  const names = words.some((word) => /(?:^|[\\/@])sallyport(?:$|[\\/.@])/.test(word));
  return names && (words.includes('wrap') || (words.includes('run') && words.includes('--stdio')));
}

/** Makes a name legal for an upstream. */
export function legalName(name: string): string {
  const cleaned = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, 24)
    .replace(/-+$/, '');
  return cleaned === '' ? 'server' : cleaned;
}

/** Takes user name and password out of a URL; nothing when they are not percent-encoded as a URL's have to be. */
function splitLogin(written: string): { readonly url: string; readonly login: string | undefined } | undefined {
  if (!/^https?:\/\/[^/]*@/i.test(written) || written.includes('${') || !URL.canParse(written))
    return { url: written, login: undefined };
  const url = new URL(written);
  const login = decodeText(`${url.username}:${url.password}`);
  if (login === undefined) return undefined;
  url.username = '';
  url.password = '';
  return { url: url.href, login };
}

function decodeText(written: string): string | undefined {
  try {
    return decodeURIComponent(written);
  } catch {
    return undefined;
  }
}

function uniqueName(name: string, taken: Set<string>): string {
  let unique = name;
  for (let count = 2; taken.has(unique); count++) {
    const suffix = `-${count}`;
    unique = name.slice(0, 24 - suffix.length) + suffix;
  }
  taken.add(unique);
  return unique;
}

function importServer(
  name: string,
  server: ClientServer,
  source: ImportSource,
  target: ImportTarget,
  secrets: SecretFile[],
  remark: (text: string) => void,
): ImportedUpstream | undefined {
  const from = `"${server.name}" of ${source.program}`;
  const scope: VariableScope = { home: target.home, workspace: source.workspace, env: target.env, kept: new Set() };

  const secretFile = (label: string, value: string | undefined, needs?: string): ConfigText => {
    const base = `${name}-${label.replace(/[^A-Za-z0-9_.-]+/g, '_').replace(/^[-.]+/, '') || 'VALUE'}`;
    let file = base;
    for (let count = 2; secrets.some((secret) => secret.file === file); count++) file = `${base}-${count}`;
    secrets.push({ file, value, ...(needs !== undefined && { needs }) });
    return `file:${secretsFolder}/${file}`;
  };

  const configText = (label: string, written: string, used: VariableScope = scope): ConfigText => {
    const value = importValue(label, written, used);
    switch (value.kind) {
      case 'text':
        return value.text;
      case 'env':
        return `env:${value.name}`;
      case 'secret':
        return secretFile(label, value.value);
      case 'gap':
        return secretFile(label, undefined, value.needs);
    }
  };

  // Credentials of an upstream are never literals, so a harmless header gets a file of its own, too.
  const headerText = (label: string, written: string): ConfigText => {
    const value = importValue(label, written, scope);
    return value.kind === 'text' ? secretFile(label, value.text) : configText(label, written);
  };

  const importHttp = (written: string): ImportedUpstream | undefined => {
    const split = splitLogin(expandPlaces(written, scope));
    if (split === undefined) {
      remark('has a user name or password in its URL with a % that is no percent-encoding; left out');
      return undefined;
    }
    const { url, login } = split;
    const headers = Object.entries(server.headers).filter(([header]) => {
      const isOwn = ownHeaders.test(header);
      if (isOwn) remark(`sent the header ${header}, which the gateway writes itself`);
      return !isOwn;
    });
    if (login !== undefined) headers.push(['Authorization', `Basic ${Buffer.from(login).toString('base64')}`]);
    const address = configText('URL', url);
    const [only] = headers;
    const token = only?.[0].toLowerCase() === 'authorization' ? /^bearer\s+(.+)$/i.exec(only[1])?.[1] : undefined;
    if (headers.length === 1 && token !== undefined) {
      return { kind: 'http', name, from, url: address, bearer: headerText('TOKEN', token), headers: [] };
    }
    const texts = headers.map(([header, value]): [string, ConfigText] => [header, headerText(header, value)]);
    return { kind: 'http', name, from, url: address, bearer: undefined, headers: texts };
  };

  const importStdio = (program: string): ImportedUpstream => {
    const fromFile = server.envFile === undefined ? {} : envFile(server.envFile);
    const variables = { ...fromFile, ...server.env };
    const own: VariableScope = { ...scope, kept: new Set(Object.keys(variables)) };
    const command = [configText('COMMAND', program, own), ...importArguments(server.args, own)];
    const env: [string, ConfigText][] = [];
    for (const variable of inherited) if (variables[variable] === undefined) env.push([variable, 'inherit']);
    for (const [variable, written] of Object.entries(variables)) {
      if (environmentName.test(variable)) env.push([variable, configText(variable, written)]);
      else remark(`sets the variable "${variable}", which is no name of a variable; left out`);
    }
    return { kind: 'stdio', name, from, command, env, cwd: workingFolder(command) };
  };

  const envFile = (written: string): Record<string, string> => {
    const path = expandPlaces(written, scope);
    const variables = source.readEnvFile(isAbsolute(path) ? path : join(source.workspace, path));
    if (variables === undefined) {
      remark(`names the environment file ${path}, which cannot be read; add its variables under env`);
      return {};
    }
    return Object.fromEntries(
      Object.entries(variables).filter((entry): entry is [string, string] => entry[1] !== undefined),
    );
  };

  const importArguments = (args: readonly string[], used: VariableScope): ConfigText[] =>
    args.map((argument, index) => {
      const flag = args[index - 1];
      const isFlagValue = flag?.startsWith('-') === true && !flag.includes('=') && !argument.startsWith('-');
      // `--token=…`, `NAME=…`, `Header: …`: the name before the sign says what the text behind it is.
      const [, label, rest] = /^([A-Za-z_-][A-Za-z0-9_.-]*)(?:=|:\s*)(?!\/\/)(.+)$/s.exec(argument) ?? [];
      const isOwnReference = rest !== undefined && rest.startsWith('${') && importValue('', rest, used).kind === 'text';
      if (label !== undefined && rest !== undefined && !isOwnReference && isSecret(label, rest)) {
        if (importValue(label, rest, used).kind === 'secret') {
          remark(`had a secret in its arguments (${label}); other users of this machine can see arguments`);
          return secretFile(label, expandPlaces(argument, scope));
        }
      }
      if (isFlagValue && flag !== undefined && isSecretName(flag)) return configText(flag, argument, used);
      return configText(`ARGUMENT_${index + 1}`, argument, used);
    });

  const workingFolder = (command: readonly string[]): string | undefined => {
    if (server.cwd !== undefined) {
      const written = expandPlaces(server.cwd, scope);
      return isAbsolute(written) ? written : join(source.workspace, written);
    }
    const isRelative = command.some((word) => /^\.{1,2}(?:[\\/]|$)/.test(word));
    return isRelative && source.workspace !== target.folder ? source.workspace : undefined;
  };

  return server.command === undefined ? importHttp(server.url ?? '') : importStdio(server.command);
}
