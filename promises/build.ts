// Promises about what people build with Sallyport: servers on the framework, projects from an API description or a
// template, and the web application that helps with it.
import type { ProductPromise } from './promise.ts';
import { work } from './work.ts';

/** Promises of the framework and the generators. */
export const build: readonly ProductPromise[] = [
  {
    id: 'framework-inputs',
    sentence:
      'A tool without an input schema does not start, and no handler ever sees arguments that its schema refuses.',
    source: ['fw-5'],
    due: work.framework,
  },
  {
    id: 'framework-roles',
    sentence: 'Roles and scopes are declared on the tool, checked before the handler, and readable inside it.',
    source: ['fw-8'],
    due: work.framework,
  },
  {
    id: 'framework-stdio',
    sentence: 'A stdio server answers only the process that started it, and nothing but protocol reaches its output.',
    source: ['fw-10'],
    due: work.framework,
  },
  {
    id: 'doctor-checklist',
    sentence: '`doctor` fails on each line of the deployment checklist that is not met.',
    source: ['fw-9'],
    due: work.release,
  },
  {
    id: 'openapi-documents',
    sentence: 'Real documents of OpenAPI 3.0, 3.1 and Swagger 2.0 load whole and serve on stdio and HTTP.',
    source: ['gen-1'],
    due: work.openapi,
  },
  {
    id: 'openapi-scopes',
    sentence: "Each operation's scopes follow from the document's security and are enforced.",
    source: ['gen-3'],
    due: work.openapi,
  },
  {
    id: 'openapi-credentials',
    sentence:
      'The backend gets its own credential for each security scheme, never a caller’s, and never another caller’s.',
    source: ['gen-4'],
    due: work.openapi,
  },
  {
    id: 'tokens-in-memory',
    sentence: 'Tokens stay in memory; a store that keeps them is chosen by name and encrypted.',
    source: ['gen-5'],
    due: work.openapi,
  },
  {
    id: 'resumable-streams',
    sentence: 'A broken stream resumes for its owner only, within bounds, also on another instance.',
    source: ['gen-6'],
    due: work.team,
  },
  {
    id: 'generated-defaults',
    sentence: 'A generated server starts with limits, CORS, headers and metrics on.',
    source: ['gen-7'],
    due: work.openapi,
  },
  {
    id: 'registry',
    sentence: 'Servers can be added, listed, run by name and exported as a valid `server.json`.',
    source: ['gen-8'],
    due: work.openapi,
  },
  {
    id: 'generated-tests',
    sentence:
      "A generated project's own tests fail when authentication, limits or validation are taken out, and hostile documents stay data.",
    source: ['gen-9'],
    due: work.openapi,
  },
  {
    id: 'template-filesystem',
    sentence: 'A generated filesystem server never leaves its folder, whatever path, link or race is tried.',
    source: ['asst-1'],
    due: work.templates,
  },
  {
    id: 'template-database',
    sentence:
      'A generated database server is read-only in the database itself, inside its schemas, within its timeouts.',
    source: ['asst-2'],
    due: work.templates,
  },
  {
    id: 'template-api',
    sentence: 'A generated API server connects to its listed hosts only, through redirects and rebinding too.',
    source: ['asst-3'],
    due: work.templates,
  },
  {
    id: 'template-git',
    sentence: 'A generated git server only reads, only its repository, and runs nothing that a repository asks for.',
    source: ['asst-4'],
    due: work.templates,
  },
  {
    id: 'template-clients',
    sentence: 'Generated clients drive generated servers end to end, one or many at once.',
    source: ['asst-5'],
    due: work.templates,
  },
  {
    id: 'studio',
    sentence:
      'The web wizards and the assistant work in a real browser, without a provider key too, and never log or show that key.',
    source: ['asst-6'],
    due: work.team,
  },
  {
    id: 'studio-web',
    sentence:
      'Scripts, forged requests and frames of the corpus do nothing in the web application, and its errors say nothing.',
    source: ['asst-7', 'plat-2'],
    due: work.team,
  },
  {
    id: 'container',
    sentence: 'The container runs without root on a read-only disk and takes its secrets from outside.',
    source: ['asst-8'],
    due: work.release,
  },
];
