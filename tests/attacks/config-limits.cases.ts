// Wrong limits, one a row; `▸` as in config.cases.ts.
import type { WrongConfig } from './config.cases.ts';

/** Limits of effects, of broken requests and of a server's calls at once. */
export const wrongLimits: readonly WrongConfig[] = [
  {
    what: 'no calls of a server at once',
    yaml: 'upstreams: { files: { command: [x], concurrent: ▸0 } }\n',
    says: 'from 1',
    helps: '16',
  },
  {
    what: 'a limit of broken requests without unit',
    yaml: 'limits: { badRequests: ▸20 }\n',
    says: '20 has no unit',
    helps: 'write 20/s',
  },
  {
    what: 'a limit by effect that is no rate',
    yaml: 'limits: { effects: { destructive: ▸few } }\n',
    says: 'is not a rate',
    helps: 'such as 10/s',
  },
  {
    what: 'a limit by an effect that there is not',
    yaml: 'limits: { effects: { ▸delete: 5/m } }\n',
    says: '`delete` is not a key of limits by effect',
    helps: 'read, write, destructive',
  },
  {
    what: 'one limit for all effects',
    yaml: 'limits: { effects: ▸5/m }\n',
    says: 'expected limits by effect',
    helps: 'destructive: 5/m',
  },
];
