/** Every partner at every door: which pairs there are, and how a pair's story goes. */

import { within } from '@sallyport/testkit';
import type { Partner } from './caller.ts';
import { curl } from './curl.ts';
import type { Door, Doors } from './doors.ts';
import { inspector } from './inspector.ts';
import { sdkV1 } from './sdk-v1.ts';
import { sdkV2 } from './sdk-v2.ts';
import { steps } from './story.ts';
import type { Step } from './story.ts';

/** The programs that call. */
export const partners: readonly Partner[] = [
  sdkV2('modern'),
  sdkV2('legacy'),
  sdkV1,
  inspector('modern'),
  inspector('legacy'),
  curl('modern'),
  curl('legacy'),
];

/** Names of the doors by transport, so that tests can be listed before anything runs. */
export const doorNames = {
  http: ['/mcp', '/mcp/everything'],
  sse: ['/sse', '/sse/everything'],
  websocket: ['websocket /mcp', 'websocket /mcp/everything'],
  stdio: ['run --stdio, joining', 'run --stdio, alone', 'wrap'],
} as const;

/** A partner and the name of a door that it can reach. */
export interface Pair {
  readonly partner: Partner;
  readonly door: string;
}

/** All pairs. */
export const pairs: readonly Pair[] = partners.flatMap((partner) =>
  partner.transports.flatMap((transport) => doorNames[transport].map((door) => ({ partner, door }))),
);

/** How one step went. */
export interface Seen {
  readonly step: string;
  /** What was seen in place of what should be; absent when all was well. */
  readonly failure?: string;
}

/** Longest a step may take, milliseconds. */
const stepCeiling = 30_000;

/** Failed steps after which the rest is not worth its time. */
const mostFailures = 3;

/**
 * Tells a pair's story. A failed step does not keep the next from being told, three do.
 * @param length `short` tells slow partners at stdio doors the essential steps only.
 */
export async function tell({ partner, door: name }: Pair, doors: Doors, length: 'short' | 'whole'): Promise<Seen[]> {
  const door = doors.doors.find((each) => each.name === name);
  if (door === undefined) throw new Error(`there is no door ${name}`);
  const caller = await within(partner.connect(door.reach), stepCeiling, `${partner.name} to connect`);
  try {
    const seen: Seen[] = [];
    const isShort = length === 'short' && partner.isSlow === true && door.reach.kind === 'stdio';
    const wanted = steps.filter((step) => step.isEssential === true || !isShort);
    for (const step of wanted.filter((each) => fits(each, door, partner, caller.follow !== undefined))) {
      try {
        await within(step.check(caller, door, doors), stepCeiling, step.title);
        seen.push({ step: step.title });
      } catch (error) {
        seen.push({ step: step.title, failure: error instanceof Error ? error.message : String(error) });
        if (seen.filter(({ failure }) => failure !== undefined).length === mostFailures) break;
      }
    }
    return seen;
  } finally {
    await caller.close();
  }
}

function fits(step: Step, door: Door, { lacks = [] }: Partner, canFollow: boolean): boolean {
  const isHere = step.isOnly === undefined || (step.isOnly === 'aggregated' ? door.isAggregated : door.isRestricted);
  return (
    isHere && (canFollow || step.needsFollow === undefined) && !step.needs.some((method) => lacks.includes(method))
  );
}
