/** Readers of the kinds of `auth:` whose tokens are had from an authorization server. */
import { bareHost, isLoopback } from './address.ts';
import type {
  ClientCredentialsConfig,
  OAuthGrantConfig,
  TokenClientConfig,
  TokenExchangeConfig,
} from './credential-types.ts';
import { plainSecret, wholeSecret } from './credential-secret.ts';
import { entryOf, type ConfigNode } from './node.ts';
import { object, type Keys, type ObjectOptions } from './object.ts';
import { choice, lengthOf, list, quoted, text, wrongValue, type Reader, type Reading } from './reader.ts';

/** An address of an authorization server, written by the operator; over TLS unless it is on this machine. */
const serverUrl: Reader<string> = text('a URL', 'https://login.example.com', { format: 'uri' }, (found, reading) => {
  if (found.secret?.isKnown === false) return found.value;
  const url =
    /^https?:\/\/[^\s\\]+$/i.test(found.value) && URL.canParse(found.value) ? new URL(found.value) : undefined;
  if (url === undefined || url.username !== '' || url.password !== '' || url.hash !== '') {
    return wrongValue(found, reading, `${quoted(found.shown)} is not a URL`, 'write https://login.example.com');
  }
  if (url.protocol === 'http:' && !isLoopback(bareHost(url))) {
    return wrongValue(found, reading, 'tokens would travel without encryption', `write https://${url.host}`);
  }
  return found.value;
});

/** A scope (RFC 6749 §3.3). */
const scope: Reader<string> = text('a scope', 'read', {}, (found, reading) =>
  /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(found.value)
    ? found.value
    : wrongValue(
        found,
        reading,
        `${quoted(found.shown)} is not a scope`,
        'write each scope as one item: [read, write]',
      ),
);

const words = (wanted: string, example: string): Reader<string> =>
  text(wanted, example, {}, (found, reading) =>
    /^[\x20-\x7e]+$/.test(found.value)
      ? found.value
      : wrongValue(found, reading, `${quoted(found.shown)} is not ${wanted}`, `write ${example}`),
  );

const scopes = list(scope, 'scopes', '[read]', true);

const clientKeys: Keys<TokenClientConfig> = {
  issuer: { reader: serverUrl, description: 'The authorization server; its metadata names the token endpoint' },
  tokenUrl: { reader: serverUrl, description: 'The token endpoint, where the server publishes no metadata' },
  clientId: { reader: words('a client id', 'my-client'), isRequired: true, description: 'Who the gateway is there' },
  clientSecret: { reader: plainSecret, description: 'Proves it' },
  privateKey: { reader: wholeSecret, description: 'Proves it with signed assertions (RFC 7523); a PEM key' },
  keyId: { reader: words('a key id', 'key-1'), description: 'The key id of those' },
  clientAuth: {
    reader: choice('basic', 'post'),
    description: 'Where the secret goes: the Authorization header or the body; default: as the metadata has it',
  },
};

const OPTIONS: Omit<ObjectOptions, 'wanted' | 'example'> = {
  hints: { scope: 'write scopes: [NAME]', url: 'write tokenUrl: https://…', secret: 'write clientSecret: env:NAME' },
};

const clientCredentialsBody = object<Omit<ClientCredentialsConfig, 'kind'>>(
  {
    ...clientKeys,
    scopes: { reader: scopes, fallback: [], description: 'Scopes to ask for' },
    resource: { reader: serverUrl, description: 'The resource that the token is for (RFC 8707)' },
    audience: { reader: words('an audience', 'api'), description: 'The audience, where the server wants that instead' },
  },
  {
    ...OPTIONS,
    wanted: 'clientCredentials',
    example: '{ issuer: https://login.example.com, clientId: gateway, clientSecret: env:NAME }',
  },
);

/** `clientCredentials:` */
export const clientCredentials: Reader<ClientCredentialsConfig> = {
  schema: clientCredentialsBody.schema,
  read: (node, reading) => {
    const found = clientCredentialsBody.read(node, reading);
    if (found === undefined || !checkClient(found, node, reading)) return undefined;
    return { kind: 'client-credentials', ...found };
  },
};

interface ExchangeBody extends Omit<TokenExchangeConfig, 'kind' | 'how'> {
  readonly kind: TokenExchangeConfig['how'];
}

const targetBody = object<TokenClientConfig>(clientKeys, {
  ...OPTIONS,
  wanted: 'target',
  example: '{ clientId: gateway, clientSecret: env:NAME }',
});

const exchangeBody = object<ExchangeBody>(
  {
    kind: {
      reader: choice('rfc8693', 'entra-obo', 'id-jag'),
      fallback: 'rfc8693',
      description: 'How: RFC 8693, on behalf of (Entra), or an identity assertion grant across domains',
    },
    ...clientKeys,
    scopes: { reader: scopes, fallback: [], description: 'Scopes to ask for' },
    resource: { reader: serverUrl, description: 'The resource that the token is for (RFC 8707)' },
    audience: {
      reader: words('an audience', 'api'),
      description: "The audience; with id-jag the issuer of the upstream's authorization server",
    },
    subjectTokenType: {
      reader: choice('access_token', 'id_token', 'jwt'),
      fallback: 'access_token',
      description: "What the caller's token is called",
    },
    target: {
      reader: targetBody,
      description: "With id-jag: who the gateway is at the upstream's authorization server",
    },
  },
  {
    ...OPTIONS,
    wanted: 'tokenExchange',
    example:
      '{ kind: rfc8693, issuer: https://login.example.com, clientId: gateway, clientSecret: env:NAME, audience: api }',
  },
);

/** `tokenExchange:` */
export const tokenExchange: Reader<TokenExchangeConfig> = {
  schema: exchangeBody.schema,
  read: (node, reading) => {
    const found = exchangeBody.read(node, reading);
    if (found === undefined || !checkClient(found, node, reading)) return undefined;
    const { kind: how, ...rest } = found;
    const fault = exchangeFault(found);
    if (fault !== undefined) {
      reading.log.report(node.origin, { code: 'conflict', ...fault });
      return undefined;
    }
    const at = node.kind === 'map' ? entryOf(node, 'target')?.value : undefined;
    const { target } = found;
    if (target !== undefined && at !== undefined && !checkClient(target, at, reading, found.audience)) return undefined;
    return { kind: 'token-exchange', how, ...rest };
  },
};

function exchangeFault(found: ExchangeBody): { message: string; suggestion: string } | undefined {
  const { kind, scopes: asked, audience, resource, target } = found;
  if (kind !== 'id-jag' && target !== undefined) {
    return { message: '`target` belongs to id-jag', suggestion: 'remove it, or write kind: id-jag' };
  }
  if (kind === 'entra-obo' && (asked.length === 0 || audience !== undefined || resource !== undefined)) {
    return {
      message: 'entra-obo names what the token is for by `scopes`',
      suggestion: 'write scopes: [api://APPLICATION/.default] without audience and resource',
    };
  }
  if (kind === 'id-jag' && (audience === undefined || target === undefined)) {
    return {
      message: "id-jag needs the upstream's authorization server: `audience` and `target`",
      suggestion: 'write audience: https://ISSUER and target: { clientId: NAME, clientSecret: env:NAME }',
    };
  }
  if (kind === 'id-jag' && !URL.canParse(audience ?? '')) {
    return { message: 'with id-jag, `audience` is the issuer of an authorization server', suggestion: 'write a URL' };
  }
  return undefined;
}

/** Says whether the way to the token endpoint and the proof for it are written once each. */
function checkClient(found: TokenClientConfig, node: ConfigNode, reading: Reading, issuer?: string): boolean {
  const report = (message: string, suggestion: string): false => {
    reading.log.report(node.origin, { code: 'conflict', message, suggestion, length: lengthOf(node) });
    return false;
  };
  const ways = [found.issuer ?? issuer, found.tokenUrl].filter((way) => way !== undefined).length;
  if (ways === 0) return report('`issuer` is missing', 'write issuer: https://… or tokenUrl: https://…');
  if (found.issuer !== undefined && found.tokenUrl !== undefined) {
    return report('issuer and tokenUrl exclude each other', 'remove tokenUrl: the metadata of the issuer names it');
  }
  const { clientSecret, privateKey, clientAuth, keyId } = found;
  if ((clientSecret === undefined) === (privateKey === undefined)) {
    return report('either clientSecret or privateKey proves who the gateway is', 'write clientSecret: env:NAME');
  }
  if (privateKey !== undefined && clientAuth !== undefined) {
    return report('clientAuth says where a secret goes, and there is none', 'remove clientAuth');
  }
  if (privateKey === undefined && keyId !== undefined) return report('keyId belongs to privateKey', 'remove keyId');
  return true;
}

const oauthBody = object<Omit<OAuthGrantConfig, 'kind'>>(
  {
    scopes: { reader: scopes, description: 'Scopes to ask each person for; default: those that the server names' },
    issuer: { reader: serverUrl, description: 'The authorization server; default: the one that the server names' },
    clientId: {
      reader: words('a client id', 'my-client'),
      description: 'Who the gateway is there; default: it registers itself',
    },
    clientSecret: { reader: plainSecret, description: 'Proves it' },
    clientAuth: {
      reader: choice('basic', 'post'),
      description: 'Where the secret goes; default: as the metadata has it',
    },
    profile: {
      reader: choice('standard', 'entra'),
      fallback: 'standard',
      description: '`entra` for servers that refuse `resource` and do not say that they know PKCE',
    },
  },
  { ...OPTIONS, wanted: 'oauth', example: '{ scopes: [read] }, or {}' },
);

/** `oauth:` */
export const oauth: Reader<OAuthGrantConfig> = {
  schema: oauthBody.schema,
  read: (node, reading) => {
    const found = oauthBody.read(node, reading);
    if (found === undefined) return undefined;
    const report = (message: string, suggestion: string): undefined => {
      reading.log.report(node.origin, { code: 'conflict', message, suggestion, length: lengthOf(node) });
      return undefined;
    };
    const { clientId, clientSecret, clientAuth, issuer } = found;
    if (clientSecret !== undefined && clientId === undefined) {
      return report('a clientSecret without its clientId', 'write clientId: NAME beside it');
    }
    if (clientSecret !== undefined && issuer === undefined) {
      const message = 'the secret would go to whichever authorization server the upstream names';
      return report(message, 'write issuer: https://… beside it');
    }
    if (clientSecret === undefined && clientAuth !== undefined) {
      return report('clientAuth says where a secret goes, and there is none', 'remove clientAuth');
    }
    return { kind: 'oauth', ...found };
  },
};
