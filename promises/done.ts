// Titles of the pieces of work that are finished. Nothing may be due with one of them.

/** Finished pieces of work. */
export const done: readonly string[] = [];
