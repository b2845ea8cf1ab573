/** Reads the `${…}` that client programs allow in values, and says what each value becomes in `sallyport.yaml`. */
import { isSecret } from './secrets.ts';

/** What a value becomes: text as it is, a variable of the environment, a secret of its own, or a gap for a person to fill. */
export type ImportedValue =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'secret'; readonly value: string }
  | { readonly kind: 'gap'; readonly needs: string };

/** Where the variables that stand for places and for the environment get their values. */
export interface VariableScope {
  readonly home: string;
  readonly workspace: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Names that stay written as `${NAME}`, because the server itself replaces them. */
  readonly kept: ReadonlySet<string>;
}

const reference = /\$\{([^}]*)\}/g;
const environmentName = /^(?:env:)?([A-Za-z_][A-Za-z0-9_]*)$/;

/**
 * Says what the value of a client's configuration becomes.
 *
 * @param name what the value is called, by which secrets are known
 */
export function importValue(name: string, written: string, scope: VariableScope): ImportedValue {
  const text = expandPlaces(written, scope);
  const names = [...text.matchAll(reference)].map((match) => match[1] ?? '').filter((one) => !scope.kept.has(one));
  const [first] = names;
  if (first === undefined) return literal(name, text);
  if (names.length === 1 && text === `\${${first}}`) {
    const variable = environmentName.exec(first)?.[1];
    if (variable !== undefined) return { kind: 'env', name: variable };
    const [, fallible, fallback] = /^([A-Za-z_][A-Za-z0-9_]*):-(.*)$/s.exec(first) ?? [];
    if (fallible !== undefined && fallback !== undefined) {
      return scope.env[fallible] === undefined ? literal(name, fallback) : { kind: 'env', name: fallible };
    }
  }
  return { kind: 'gap', needs: names.length === 1 ? `\${${first}}` : names.map((one) => `\${${one}}`).join(' and ') };
}

/** Replaces the variables that stand for folders. */
export function expandPlaces(text: string, scope: Pick<VariableScope, 'home' | 'workspace'>): string {
  return text.replace(reference, (whole: string, variable: string) => {
    if (variable === 'userHome') return scope.home;
    if (variable === 'workspaceFolder' || variable === 'cwd') return scope.workspace;
    if (variable === 'workspaceFolderBasename') return scope.workspace.split(/[\\/]/).at(-1) ?? '';
    if (variable === '/' || variable === 'pathSeparator') return scope.workspace.includes('\\') ? '\\' : '/';
    return whole;
  });
}

function literal(name: string, text: string): ImportedValue {
  // What reads like a reference of ours would be resolved; in a file of its own it stays what it is.
  const looksLikeReference = /^(?:env|command):|^file:(?!\/\/)|^inherit$/.test(text);
  if (isSecret(name, text) || looksLikeReference) return { kind: 'secret', value: text };
  return { kind: 'text', text };
}
