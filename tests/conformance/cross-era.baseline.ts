/**
 * Checks of required scenarios that cannot pass where the server behind the gateway speaks the other era only, as
 * `scenario: check`, each with the reason. What passes must not stand here.
 */
export const crossEraBaseline: Readonly<Record<'2025-11-25' | '2026-07-28', Readonly<Record<string, string>>>> = {
  '2025-11-25': {},
  '2026-07-28': {
    'server-stateless: sep-2575-server-rejects-undeclared-capability':
      'A legacy server has no error for a capability that its caller did not declare: it never asks, and answers in its own words.',
    'server-stateless: sep-2575-missing-capability-http-400':
      'Follows from the check above: without the error there is no status to look at.',
    'input-required-result-basic-elicitation: sep-2322-elicitation-incomplete':
      'A legacy question has an id of its conversation and no key, so the gateway names it; the scenario expects the key of one server.',
  },
};
