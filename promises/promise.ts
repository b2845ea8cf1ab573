// The shape of a promise: one sentence that Sallyport keeps, where it comes from, and what proves it.

/** A promise that tests prove, or that a named piece of work still owes. */
export type ProductPromise = Named & (Proven | Due);

interface Named {
  /** Kebab-case; a test that proves it has `[id]` at the start of its title. */
  readonly id: string;
  /** What a user may rely on, in one sentence. */
  readonly sentence: string;
  /** Claim ids (promises/claims.ts) or a specification with its section. */
  readonly source: readonly string[];
}

interface Proven {
  /** Test files, from the root; each holds at least one test whose title begins with `[id]`. */
  readonly tests: readonly string[];
}

interface Due {
  /** The piece of work that brings it: one of promises/work.ts. */
  readonly due: string;
}
