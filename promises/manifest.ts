// All promises in one list, in the order in which a reader meets them.
import { access } from './access.ts';
import { build } from './build.ts';
import { door } from './door.ts';
import { gateway } from './gateway.ts';
import type { ProductPromise } from './promise.ts';
import { record } from './record.ts';

/** Every promise. */
export const promises: readonly ProductPromise[] = [...gateway, ...door, ...access, ...record, ...build];
