/** Wrong values of `egress`, one a row, as in config.cases.ts. */
import type { WrongConfig } from './config.cases.ts';

const allow = (body: string): string => `egress: { allow: ${body} }\n`;
const proxy = (body: string): string => `egress: { proxy: ${body} }\n`;
const ca = (content: string, mode = 0o644): Pick<WrongConfig, 'yaml' | 'files'> => ({
  yaml: 'egress: { ca: ▸ca.pem }\n',
  files: { 'ca.pem': { content, mode } },
});
const block = (name: string, body: string): string => `-----BEGIN ${name}-----\n${body}\n-----END ${name}-----\n`;
const word = ['hun', 'ter2'].join('');

/** What cannot be meant under `egress`. */
export const wrongEgress: readonly WrongConfig[] = [
  { what: 'a misspelt key', yaml: 'egress: { ▸alow: [] }\n', says: '`alow` is not a key', helps: 'allow' },
  {
    what: 'a switch for certificates',
    yaml: 'egress: { ▸insecure: true }\n',
    says: '`insecure`',
    helps: 'always checked',
  },
  {
    what: 'another switch for them',
    yaml: 'egress: { ▸rejectUnauthorized: off }\n',
    says: '`rejectUnauthorized`',
    helps: 'name your authority in ca',
  },
  {
    what: 'exceptions of the proxy',
    yaml: 'egress: { ▸noProxy: [x] }\n',
    says: '`noProxy`',
    helps: 'without the proxy',
  },
  { what: 'a list of nothing', yaml: 'egress: ▸[]\n', says: 'expected egress', helps: '{ allow: [10.0.0.0/8] }' },
  { what: 'one block without a list', yaml: allow('▸10.0.0.0/8'), says: 'expected a list', helps: '[10.0.0.0/8]' },
  { what: 'a name', yaml: allow('[▸db.internal]'), says: 'is a name', helps: '10.0.0.0/8' },
  { what: 'a URL', yaml: allow("[▸'https://db.internal']"), says: 'is a name', helps: '10.0.0.0/8' },
  { what: 'bits behind the prefix', yaml: allow('[▸10.1.2.3/8]'), says: 'bits behind', helps: 'write 10.0.0.0/8' },
  { what: 'too long a prefix', yaml: allow('[▸10.0.0.0/33]'), says: 'from 0 to 32', helps: '10.0.0.0/8' },
  { what: 'a mask', yaml: allow('[▸10.0.0.0/255.0.0.0]'), says: 'prefix', helps: '10.0.0.0/8' },
  { what: 'a wildcard', yaml: allow('[▸10.*]'), says: 'not a block', helps: '10.0.0.0/8' },
  { what: 'everything', yaml: allow('[▸0.0.0.0/0]'), says: 'more than any network', helps: 'ranges that you use' },
  { what: 'everything of IPv6', yaml: allow("[▸'::/0']"), says: 'more than any network', helps: 'ranges that you use' },
  {
    what: 'IPv4 written as IPv6',
    yaml: allow("[▸'::ffff:10.0.0.0/104']"),
    says: 'judged as IPv4',
    helps: 'write the range as IPv4',
  },
  { what: 'a block twice', yaml: allow('[10.0.0.0/8, ▸10.0.0.0/8]'), says: 'twice', helps: 'keep one' },
  { what: 'a proxy without scheme', yaml: proxy('▸proxy.example:3128'), says: 'not supported', helps: 'http://proxy' },
  { what: 'a SOCKS proxy', yaml: proxy('▸socks5://proxy.example'), says: 'socks5: proxies', helps: 'http://proxy' },
  { what: 'a proxy with a path', yaml: proxy('▸http://proxy.example/x'), says: 'no path', helps: 'http://proxy' },
  {
    what: 'a proxy with a password in clear',
    yaml: proxy(`▸http://me:${word}@proxy.example:3128`),
    says: 'user name or password',
    helps: 'env:HTTPS_PROXY',
  },
  { what: 'a proxy that is not set', yaml: proxy('▸env:HTTPS_PROXY'), says: 'HTTPS_PROXY is not set', helps: 'export' },
  { what: 'a proxy that is something else', yaml: proxy('▸env:TOKEN'), says: 'env:TOKEN', helps: 'behind env:TOKEN' },
  {
    what: 'a file that is not there',
    yaml: 'egress: { ca: ▸ca.pem }\n',
    says: 'does not exist',
    helps: 'correct the path',
  },
  { what: 'no file', yaml: 'egress: { ca: ▸true }\n', says: 'a file with certificates', helps: 'ca.pem' },
  { what: 'a file without certificates', ...ca('hello\n'), says: 'no certificate', helps: 'PEM' },
  { what: 'a certificate that is none', ...ca(block('CERTIFICATE', 'AAAA')), says: 'certificate 1', helps: 'export' },
  {
    what: 'a private key',
    ...ca(block(['PRIVATE', 'KEY'].join(' '), 'AAAA')),
    says: 'a private key',
    helps: 'certificates only',
  },
  { what: 'authorities that others can change', ...ca('x', 0o666), says: 'changed by everyone', helps: 'chmod o-w' },
  {
    what: 'a bundle of everybody',
    ...ca('x'.repeat(70_000)),
    says: 'larger than 64 KiB',
    helps: 'your own authorities',
  },
];
