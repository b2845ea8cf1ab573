/** The pages that people see while they connect an account: plain HTML, no script, everything from outside escaped. */

/** What the page of a consent shows. */
export interface ConsentView {
  readonly server: string;
  readonly principal: string;
  /** Host at which the person will log in. */
  readonly loginHost: string;
  /** Host to which the person comes back. */
  readonly returnHost: string;
  readonly scopes: readonly string[];
  readonly code: string;
  /** Where the form goes. */
  readonly action: string;
  readonly formToken: string;
}

/** The page on which a person looks at what is about to happen, and confirms. */
export function consentPage(view: ConsentView): string {
  const { server, principal, loginHost, returnHost, scopes, code, action, formToken } = view;
  const asked =
    scopes.length === 0
      ? '<p>It does not say which rights it needs.</p>'
      : `<ul>${scopes.map((scope) => `<li><code>${escapeHtml(scope)}</code></li>`).join('')}</ul>`;
  return page(
    'Connect your account',
    `<p>The caller <strong>${escapeHtml(principal)}</strong> of this gateway wants to use the server
<strong>${escapeHtml(server)}</strong> with your account at <strong>${escapeHtml(loginHost)}</strong>.</p>
<p>It asks for:</p>
${asked}
<p>Your program shows this code: <strong class="code">${escapeHtml(code)}</strong></p>
<p class="warning">If you did not start this yourself just now, if you are not ${escapeHtml(principal)}, or if your
program shows another code: close this page. Somebody else would get to use your account.</p>
<form method="post" action="${escapeHtml(action)}">
<input type="hidden" name="token" value="${escapeHtml(formToken)}">
<button name="answer" value="yes">Go on to ${escapeHtml(loginHost)}</button>
<button name="answer" value="no" class="plain">Cancel</button>
</form>
<p class="small">You will come back to ${escapeHtml(returnHost)}. Your password stays at ${escapeHtml(loginHost)}; what is
kept here is encrypted and can be taken back at any time.</p>`,
  );
}

/** A page that says how it ended. */
export function wordsPage(title: string, words: string): string {
  return page(title, `<p>${escapeHtml(words)}</p>`);
}

const STYLE =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:36rem;margin:3rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}' +
  'h1{font-size:1.4rem}code,.code{font-family:ui-monospace,monospace}.code{font-size:1.2rem;letter-spacing:.1em}' +
  '.warning{border-left:4px solid #b45309;padding-left:.75rem}.small{color:#555;font-size:.9rem}' +
  'button{font:inherit;padding:.5rem 1rem;margin-right:.5rem;border:1px solid #1a1a1a;border-radius:.3rem;' +
  'background:#1a1a1a;color:#fff;cursor:pointer}button.plain{background:#fff;color:#1a1a1a}' +
  '@media (prefers-color-scheme:dark){body{color:#eee;background:#161616}.small{color:#aaa}' +
  'button{background:#eee;color:#161616;border-color:#eee}button.plain{background:#161616;color:#eee}}';

/** The style sheet of all pages, for the policy that names its digest. */
export const pageStyle = STYLE;

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${escapeHtml(title)} · Sallyport</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
${body}
</body>
</html>
`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
/** Characters that turn the direction of what follows, or cannot be seen. */
const INVISIBLE = /[\p{Cc}\p{Cf}]/gu;

/** Makes text safe between tags and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replaceAll(INVISIBLE, '\ufffd').replaceAll(/[&<>"']/g, (letter) => ENTITIES[letter] ?? '');
}
