/** A person at a browser: opens the link of a consent, looks at the page, confirms, logs in, and comes back. */
import type { IdentityProvider } from '../../fixtures/identity-provider/identity-provider.ts';

/** What a person does on the way. */
export interface PersonOptions {
  readonly idp: IdentityProvider;
  /** Who logs in. */
  readonly account: string;
  /** Says no to the authorization server. */
  readonly refuses?: boolean;
  /** Cancels on the gateway's own page. */
  readonly cancels?: boolean;
}

/** What the person saw. */
export interface Visit {
  /** The gateway's page, before confirming. */
  readonly page: string;
  /** Where the authorization server was asked. */
  readonly asked: URL | undefined;
  /** Status and text of the last page. */
  readonly status: number;
  readonly text: string;
}

/** A browser with its cookies of the gateway. */
export class Browser {
  readonly #cookies = new Map<string, string>();

  /** Opens an address of the gateway. */
  async open(url: string | URL, form?: Readonly<Record<string, string>>): Promise<Response> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(url, {
      redirect: 'manual',
      headers: {
        ...(cookie === '' ? {} : { cookie }),
        ...(form === undefined ? {} : { origin: new URL(url).origin, 'sec-fetch-site': 'same-origin' }),
      },
      ...(form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) }),
    });
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';');
      const at = pair.indexOf('=');
      this.#cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    return response;
  }
}

/** Reads the hidden part of the form on a page. */
export function formTokenIn(page: string): string {
  return /name="token" value="([^"]+)"/.exec(page)?.[1] ?? '';
}

/** Follows a link to its end. */
export async function connect(link: string, options: PersonOptions, browser = new Browser()): Promise<Visit> {
  const shown = await browser.open(link);
  const page = await shown.text();
  if (shown.status !== 200) return { page, asked: undefined, status: shown.status, text: page };
  const answer = options.cancels === true ? 'no' : 'yes';
  const sent = await browser.open(link, { token: formTokenIn(page), answer });
  const location = sent.headers.get('location');
  if (location === null) return { page, asked: undefined, status: sent.status, text: await sent.text() };
  const asked = new URL(location);
  const { account, refuses } = options;
  const back = await options.idp.browse(asked, { account, ...(refuses === undefined ? {} : { isRefused: refuses }) });
  const last = await browser.open(back);
  return { page, asked, status: last.status, text: await last.text() };
}
