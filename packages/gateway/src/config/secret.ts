/**
 * Values that must not be shown, and the references by which a configuration file names them. A reference is written
 * `env:NAME`, `file:PATH` or `command:PROGRAM ARGUMENT…`; `file://…` is a URI and not a reference.
 */
import { inspect } from 'node:util';
import type { Origin } from '@sallyport/guard';

/** A value that no log line, error or JSON shows. Only `reveal()` gives it out. */
export class Secret {
  /** Where it comes from, fit to be shown: `env:GITHUB_TOKEN`. */
  readonly source: string;
  readonly #value: string | undefined;

  /**
   * @param value `undefined` for a reference that was not followed
   * @param source where the value comes from, fit to be shown
   */
  constructor(value: string | undefined, source: string) {
    this.#value = value;
    this.source = source;
  }

  /** False for a reference that was not followed. */
  get isKnown(): boolean {
    return this.#value !== undefined;
  }

  /** Returns the value itself. Asking for one that was not followed is a bug of the program: it throws. */
  reveal(): string {
    if (this.#value === undefined) throw new Error(`${this.source} was not followed, so its value is not known`);
    return this.#value;
  }

  /** Says whether both hold the same value, wherever it comes from. Throws as `reveal` does. */
  equals(other: Secret): boolean {
    return this.reveal() === other.reveal();
  }

  /** Returns a secret whose value has `prefix` before it. */
  withPrefix(prefix: string): Secret {
    return this.map((value) => prefix + value);
  }

  /** Returns a secret whose value was made from this one's. */
  map(make: (value: string) => string): Secret {
    return new Secret(this.#value === undefined ? undefined : make(this.#value), this.source);
  }

  toString(): string {
    return `[secret ${this.source}]`;
  }

  toJSON(): string {
    return this.toString();
  }

  [inspect.custom](): string {
    return this.toString();
  }
}

/** Where a secret is to be found. */
export type SecretReference =
  | { readonly kind: 'env'; readonly name: string; readonly written: string; readonly origin: Origin }
  | { readonly kind: 'file'; readonly path: string; readonly written: string; readonly origin: Origin }
  | {
      readonly kind: 'command';
      readonly argv: readonly [string, ...string[]];
      readonly cwd: string;
      readonly written: string;
      readonly origin: Origin;
    };
