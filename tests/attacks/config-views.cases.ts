/** Wrong `views:`, `effects:` and `mode:`, one a row, as in config.cases.ts. */
import type { WrongConfig } from './config.cases.ts';

const servers = 'upstreams: { files: { command: [x] }, web: { command: [y] } }\nroles: { reader: {} }\n';
const view = (body: string): string => `${servers}views: { page: ${body} }\n`;

/** Every way to write them wrongly that we know of. */
export const wrongViews: readonly WrongConfig[] = [
  {
    what: 'a view that is called like a server',
    yaml: `${servers}views: { ▸web: { tools: ['files.*'] } }\n`,
    says: 'an upstream is called `web` too',
    helps: 'rename the view, e.g. web-view',
  },
  {
    what: 'a view in capitals',
    yaml: `${servers}views: { ▸Front: { tools: ['files.*'] } }\n`,
    says: '"Front" is not a name for a view',
    helps: 'write front',
  },
  {
    what: 'views as a list',
    yaml: `${servers}views: ▸[page]\n`,
    says: 'expected names and views',
    helps: 'frontend',
  },
  { what: 'a view as a list', yaml: view("▸['files.*']"), says: 'expected a view', helps: 'tools' },
  {
    what: 'an empty view',
    yaml: `${servers}views: { ▸page: {} }\n`,
    says: 'there is nothing in the view `page`',
    helps: 'write what it shows',
  },
  {
    what: 'a view that only takes away',
    yaml: `${servers}views: { ▸page: { tools: ['!files.x'] } }\n`,
    says: 'there is nothing in the view `page`',
    helps: 'write what it shows',
  },
  {
    what: 'a view to search that has no tools',
    yaml: `${servers}views: { ▸page: { resources: ['*'], mode: search } }\n`,
    says: 'has no tools to search',
    helps: 'mode: all',
  },
  {
    what: 'another mode of a view',
    yaml: view("{ tools: ['*'], mode: ▸find }"),
    says: '"find" is not one of',
    helps: 'all, search',
  },
  {
    what: 'a role that is not there',
    yaml: view("{ tools: ['*'], for: [▸raeder] }"),
    says: 'there is no role "raeder"',
    helps: 'did you mean reader',
  },
  {
    what: 'a view for nobody',
    yaml: view("{ tools: ['*'], for: ▸[] }"),
    says: 'expected at least one role',
    helps: '[reader]',
  },
  {
    what: 'a role in place of roles',
    yaml: view("{ tools: ['*'], for: ▸reader }"),
    says: 'expected a list of roles',
    helps: '[reader]',
  },
  {
    what: 'a condition in a view',
    yaml: view('{ tools: [▸{ tool: files.x, limit: 1/s }] }'),
    says: 'a view lists patterns of tools only',
    helps: 'under roles',
  },
  { what: 'a pattern without a name', yaml: view("{ tools: ['files▸'] }"), says: 'server', helps: 'files' },
  {
    what: 'a pattern twice',
    yaml: view("{ tools: ['files.*', ▸'files.*'] }"),
    says: 'stands twice',
    helps: 'keep one',
  },
  {
    what: 'roles in place of for',
    yaml: view("{ tools: ['*'], ▸roles: [reader] }"),
    says: '`roles` is not a key of a view',
    helps: 'for: [ROLE]',
  },
  {
    what: 'a denial in a view',
    yaml: view("{ tools: ['*'], ▸deny: ['files.x'] }"),
    says: '`deny` is not a key of a view',
    helps: "'!PATTERN'",
  },
  {
    what: 'a view that an included file defines again',
    yaml: `${servers}include: [more.yaml]\nviews: { page: { tools: ['*'] } }\n`,
    files: { 'more.yaml': { content: "views: { ▸page: { tools: ['*'] } }\n" } },
    says: 'already defined',
    helps: 'rename',
  },
  {
    what: 'an effect that is none',
    yaml: `${servers}effects: { 'files.x': ▸delete }\n`,
    says: '"delete" is not one of',
    helps: 'destructive',
  },
  {
    what: 'effects as a list',
    yaml: `${servers}effects: ▸['*']\n`,
    says: 'expected patterns and effects',
    helps: "'*': write",
  },
  {
    what: 'an effect of what is no pattern',
    yaml: `${servers}effects: { files▸: write }\n`,
    says: 'server',
    helps: 'files',
  },
  {
    what: 'another mode',
    yaml: 'mode: ▸monitor\n',
    says: '"monitor" is not one of enforce, observe',
    helps: 'enforce, observe',
  },
  { what: 'a mode as a switch', yaml: 'mode: ▸off\n', says: 'is not one of', helps: 'enforce' },
];
