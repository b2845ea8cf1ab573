// Loads modules as the gateway does, so that every arm of ours runs on the same versions.
import { createRequire } from 'node:module';

/** `require` from inside the gateway's package. */
export const gatewayRequire: NodeJS.Require = createRequire(import.meta.resolve('@sallyport/gateway'));
