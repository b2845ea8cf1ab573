/** Whether a resource template is shown: when some URI that it can make may be readable. */
import type { Access, Pattern } from '@sallyport/guard';

/**
 * Says whether a caller may see a template.
 *
 * It is hidden only where no grant can match a URI that begins as the template does, or where a denial covers all
 * such URIs.
 *
 * @param access - what the caller's roles add up to
 * @param server - the server that publishes it
 * @param template - the URI template (RFC 6570)
 */
export function canListTemplate(access: Access, server: string, template: string): boolean {
  const open = template.indexOf('{');
  const prefix = `${server}.${open < 0 ? template : template.slice(0, open)}`;
  const { topDenials, roles } = access.rules;
  const covers = ({ pattern }: { readonly pattern: Pattern }): boolean => coversPrefix(pattern, prefix);
  if (topDenials.some(covers) || roles.some((role) => role.denials.some(covers))) return false;
  return roles.some(({ lists }) => {
    const { grants, subtractions } = lists.resources;
    return !subtractions.some(covers) && grants.some(({ pattern }) => meetsPrefix(pattern, prefix));
  });
}

/** True when some text that begins with the prefix may match. */
function meetsPrefix({ literals }: Pattern, prefix: string): boolean {
  const head = literals[0] ?? '';
  if (literals.length === 1) return head.startsWith(prefix);
  return head.startsWith(prefix) || prefix.startsWith(head);
}

/** True when every text that begins with the prefix matches. */
function coversPrefix({ literals }: Pattern, prefix: string): boolean {
  const [head, tail] = literals;
  return literals.length === 2 && tail === '' && head !== undefined && prefix.startsWith(head);
}
