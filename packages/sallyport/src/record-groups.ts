/** Counts audit records by role, target and reason: what a platform team has to look at, the most frequent first. Pure. */
import type { AuditRecord } from '@sallyport/guard';
import { reasonName } from './record-line.ts';
import { plain, table, type Paint } from './terminal.ts';

/** Records that are alike. */
export interface RecordGroup {
  readonly count: number;
  readonly roles: readonly string[];
  /** `server.name`, or the method where there is no target. */
  readonly target: string;
  /** The refusal, carried out or only observed, or how it ended. */
  readonly reason: string;
  /** Callers by principal id, sorted; the first few. */
  readonly callers: readonly string[];
  /** How many callers there are. */
  readonly callerCount: number;
}

/** Callers that are named of one group. */
const mostNamed = 5;

/** Groups that are kept apart: names that led nowhere are made up by callers. */
const mostGroups = 10_000;

/** Counts records one by one. */
export interface RecordCounter {
  add(record: AuditRecord): void;
  /** The groups, the largest first. */
  groups(): readonly RecordGroup[];
}

/** Makes an empty counter. */
export function createRecordCounter(): RecordCounter {
  const counted = new Map<
    string,
    { roles: readonly string[]; target: string; reason: string; count: number; callers: Set<string> }
  >();
  return {
    add(record) {
      const roles = [...(record.principal?.roles ?? [])].sort();
      const { target: found } = record;
      const named = found?.upstream === undefined ? found?.name : `${found.upstream}.${found.name}`;
      const target = named ?? record.method ?? record.kind;
      const reason = reasonOf(record);
      const full = JSON.stringify([roles, target, reason]);
      const key = counted.has(full) || counted.size < mostGroups ? full : '';
      const known = counted.get(key) ?? {
        roles: key === '' ? [] : roles,
        target: key === '' ? '(others)' : target,
        reason: key === '' ? '' : reason,
        count: 0,
        callers: new Set<string>(),
      };
      known.count += 1;
      if (record.principal !== undefined && known.callers.size < mostGroups) known.callers.add(record.principal.id);
      counted.set(key, known);
    },
    groups: () =>
      [...counted.values()]
        .map(({ callers, ...rest }) => ({
          ...rest,
          callers: [...callers].sort().slice(0, mostNamed),
          callerCount: callers.size,
        }))
        .toSorted((one, other) => other.count - one.count || (one.target < other.target ? -1 : 1)),
  };
}

function reasonOf({ decision, outcome }: AuditRecord): string {
  const reason = decision?.would ?? outcome?.reason;
  return reason === undefined ? (outcome?.status ?? '') : (reasonName(reason) ?? reason);
}

/** Writes groups as a table: how often, as what, what, why, who. */
export function groupLines(groups: readonly RecordGroup[], paint: Paint): string[] {
  const rows = groups.map(({ count, roles, target, reason, callers, callerCount }) => [
    paint.bold(String(count)),
    plain(roles.length === 0 ? 'no role' : roles.join(', ')),
    plain(target),
    paint.yellow(plain(reason)),
    paint.dim(
      plain(`${callers.join(', ')}${callerCount > callers.length ? ` and ${callerCount - callers.length} more` : ''}`),
    ),
  ]);
  const head = ['times', 'as', 'what', 'why', 'who'].map((text) => paint.dim(text));
  return table([head, ...rows], 2);
}
