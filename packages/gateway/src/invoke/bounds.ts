/** Bounds of what callers and servers may ask for. */

/** URIs that one listen may name, or one session subscribe to. */
export const mostUris = 1000;

/** How many times one call may ask its caller something. */
export const mostRounds = 10;

/** Questions of one round. */
export const mostQuestions = 16;

/** Longest state of a server that is carried, in characters. */
export const longestState = 32 * 1024;

/** How long a caller may take for one round, milliseconds; a server's `maxTime` can shorten it. */
export const roundMs = 15 * 60_000;
