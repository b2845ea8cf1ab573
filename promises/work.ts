// The pieces of work that promises can be due with. A piece that is done owes nothing: the check fails while one does.

/** Titles of the pieces of work, by a short name. */
export const work = {
  foundation: 'The first guarded call: foundation, security core, gateway',
  bridge: 'Any caller to any server: eras, transports, custody',
  callers: 'Who may call: tokens, certificates, permissions, limits',
  framework: 'The server framework: write a secure MCP server in an afternoon',
  openapi: 'OpenAPI to MCP: live and generated',
  content: 'What passes through: secrets, hidden text, locked definitions',
  templates: 'Start from a template: files, databases, APIs, git, clients',
  observe: 'See what happened: metrics, traces, sinks, alerts',
  team: 'Run it for a team: accounts, console, authorization server, replicas',
  release: 'Ship and update: releases, rollback, checklists',
} as const;
