// The rows of `npm run prove`: what is shown, and the goal that its figure is held against.

/** One row of the table of figures. */
export interface Row {
  /** Two digits, or `3.5` for the fifth of the third table, as in the module's file name. */
  readonly id: string;
  readonly title: string;
  readonly goal: string;
}

/** Every row, in order. */
export const rows: readonly Row[] = [
  {
    id: '01',
    title: 'fresh clone and packed install',
    goal: 'two commands, and npx from tarballs, to a guarded answer',
  },
  { id: '02', title: 'clients through every door', goal: 'all list and call' },
  { id: '03', title: 'official conformance suite', goal: 'nothing fails through the gateway that passes directly' },
  { id: '04', title: 'answers never cross', goal: '1,000,000 calls with one id: 0 crossed, 0 lost' },
  { id: '05', title: 'JSON parsing corpus and nesting bombs', goal: '1,000,000 nested arrays under 20 ms and 20 MB' },
  { id: '06', title: 'JSON-RPC and raw HTTP corpora', goal: 'each as listed; judged = forwarded' },
  { id: '07', title: 'listed ⇔ callable', goal: '100,000 seeds without a counterexample' },
  { id: '08', title: 'killed at random moments', goal: '200 rounds: no effect without a record, back in 2 s' },
  { id: '09', title: 'edits to the audit trail', goal: '10,000 of 10,000 found, first bad record named' },
  { id: '10', title: 'audit disk full or failing', goal: '503 with reason, 0 unrecorded calls, resumes by itself' },
  { id: '11', title: 'misbehaving stdio servers', goal: 'error within 1 s or the deadline, 0 orphans' },
  { id: '12', title: 'environment of child processes', goal: 'nothing that is not listed' },
  { id: '13', title: 'overhead', goal: '≥ 0.65 of a bare proxy at interval, ≥ 0.45 at intent, flat in tools and keys' },
  { id: '14', title: 'configuration errors', goal: 'each with file, line, column, suggestion' },
  {
    id: '3.1',
    title: 'every caller at every server',
    goal: '5 callers × 6 servers × 12 steps: each passes, or is refused as docs/bridging.md says; a record of each',
  },
  { id: '3.2', title: 'conformance across the eras', goal: 'only what cannot be bridged fails, each with its reason' },
  {
    id: '3.3',
    title: 'conformance, the gateway as client',
    goal: 'every required client scenario passes, those about OAuth aside',
  },
  { id: '3.4', title: 'handles in the wrong hands', goal: '44 cases, 0 accepted' },
  {
    id: '3.5',
    title: 'sessions and servers come and go',
    goal: '10,000 sessions in 10 minutes, a kill each second: 0 orphans, flat descriptors, memory +20 MB at most',
  },
  {
    id: '3.6',
    title: 'gateway restarted under load',
    goal: '20 restarts: every session goes on whose servers kept nothing for it, others get 404; 0 wrong, 0 lost',
  },
  { id: '3.7', title: 'idle listeners', goal: '10,000: p99 of others within 2× of quiet, memory printed' },
  { id: '3.8', title: 'slow peers at both sides', goal: 'p99 of others within 2× of quiet, memory +64 MB at most' },
  {
    id: '3.9',
    title: 'callers and servers of different eras',
    goal: 'cross-era ≥ 0.6 of same-era; lists from memory ≥ 0.9 of a bare server',
  },
  {
    id: '4.1',
    title: 'tokens of the corpus',
    goal: '4/4 accepted, 218 × 401, 6 × 431, 14 as documented, 0 outbound requests; refusal p99 < 5 ms',
  },
  { id: '4.2', title: 'Wycheproof', goal: '0 invalid accepted, exceptions listed' },
  {
    id: '4.3',
    title: 'signing keys that rotate, an issuer that is away',
    goal: '0 failed valid calls on rotation; an outage as configured',
  },
  {
    id: '4.4',
    title: 'clients that log in at a foreign authorization server',
    goal: 'discovery to first call, step-up: 3 SDK clients × 3 registrations; Entra-like, Okta-like, opaque tokens',
  },
  {
    id: '4.5',
    title: 'addresses that documents, redirects and callers name',
    goal: '656 of 656 never connect, 30 of 30 controls allowed; 1,000 rebinding answers: 0 private connects',
  },
  {
    id: '4.6',
    title: 'limits against ever new callers and addresses',
    goal: '1,000,000: burst + rate·t ± 1, promises kept, memory bounded, 14 ways round them limited',
  },
  {
    id: '4.7',
    title: 'listed ⇔ callable with conditions, scopes and denials',
    goal: '100,000 seeds without a counterexample; errors, missing fields and huge lists deny in under 5 ms each',
  },
  {
    id: '4.8',
    title: 'TLS, certificates and proxies',
    goal: 'each case as designed; certificate replaced under load within 1 s, 0 dropped connections',
  },
  {
    id: '4.9',
    title: 'canary scan',
    goal: 'one secret of each kind: 0 in clear in logs, records, metrics, errors, store',
  },
  {
    id: '4.10',
    title: 'accounts of people at servers',
    goal: 'consent in the first call, 50 renewals = 1, revoke, refusal without a page; 1,000 interleaved calls: 0 crossed',
  },
  { id: '4.11', title: 'configurations kept as examples', goal: 'each loads, `check` passes, its tests hold' },
  {
    id: '4.12',
    title: 'what it costs to know the caller',
    goal: 'a cached JWT within 10 % of a key; flat in number and size of roles',
  },
];
