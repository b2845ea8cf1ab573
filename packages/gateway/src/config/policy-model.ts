/** The rules of a configuration, as the core compiles them. */
import { compileEffects, type Effect, type PolicyModel } from '@sallyport/guard';
import type { Config } from './types.ts';

/** Returns what the file says about permissions, each rule with its place. */
export function toPolicyModel(config: Pick<Config, 'deny' | 'roles'>): PolicyModel {
  return { deny: config.deny, roles: config.roles };
}

/** Returns what the file says that tools do, by `server.tool`. */
export function toEffects({ effects }: Pick<Config, 'effects'>): (key: string) => Effect | undefined {
  return compileEffects(effects).of;
}
