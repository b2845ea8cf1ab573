/** The rules of a configuration, as the core compiles them. */
import type { PolicyModel } from '@sallyport/guard';
import type { Config } from './types.ts';

/** Returns what the file says about permissions, each rule with its place. */
export function toPolicyModel(config: Pick<Config, 'deny' | 'roles'>): PolicyModel {
  return { deny: config.deny, roles: config.roles };
}
