/** Why a view does not have what is asked about, in words, with the change that would add it. */
import { compileView, exactPattern, type GrantKind } from '@sallyport/guard';
import { nearest, type ConfigOutline } from '@sallyport/gateway';
import { shortPath, type Context } from './context.ts';
import { usageFailure } from './failure.ts';

/**
 * Says why there is no such thing at a view, whatever the rules say; nothing where there is. Fails where there is no such
 * view.
 */
export function outsideWords(
  name: string,
  roles: readonly string[],
  kind: GrantKind,
  key: string,
  config: ConfigOutline,
  host: Context['host'],
): string | undefined {
  const model = config.views.find((view) => view.name === name);
  if (model === undefined) {
    const names = config.views.map((view) => view.name);
    const close = nearest(name, names);
    const way = close === undefined ? `views here: ${names.join(', ') || 'none'}` : `did you mean ${close}?`;
    throw usageFailure(`there is no view called "${name}"`, way);
  }
  const view = compileView(model);
  const place = `${shortPath(model.origin.file, host)}:${model.origin.line}:${model.origin.column}`;
  if (!view.isFor(roles)) return `view ${name} is for ${model.for?.join(', ') ?? ''} (${place}): add a role to its for`;
  if (view.holds(kind, key)) return undefined;
  return `view ${name} does not hold it (${place}): add '${exactPattern(key)}' to its ${kind}, or take away the !pattern that removes it`;
}
