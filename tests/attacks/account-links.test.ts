/** Whoever is not the person, or not in the browser that began, connects nothing: links, forms and ways back that lie. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Browser, formTokenIn } from '../journeys/accounts/person.ts';
import { startSetting, type Setting } from '../journeys/accounts/setting.ts';

let setting: Setting;
let base: string;

beforeAll(async () => {
  setting = await startSetting(['alice']);
  base = `http://127.0.0.1:${setting.gateway.port}`;
}, 90_000);

afterAll(() => setting?.stop());

let count = 0;

/** A link of a caller of its own, which waits for its person; `said` is what the call comes to. */
async function beginLink(): Promise<{ readonly link: string; readonly said: Promise<string> }> {
  count += 1;
  const began = Promise.withResolvers<string>();
  const caller = await setting.caller(`caller-${count}`, 'modern', (url) => {
    began.resolve(url);
    return Promise.resolve('accept');
  });
  const said = caller.call('whoami').finally(() => void caller.close());
  return { link: await began.promise, said };
}

/** Goes as far as the authorization server sends the person back, and stops there. */
async function goAway(link: string, browser: Browser): Promise<URL> {
  const page = await (await browser.open(link)).text();
  const sent = await browser.open(link, { token: formTokenIn(page), answer: 'yes' });
  return setting.idp.browse(sent.headers.get('location') ?? '', { account: 'alice' });
}

describe('a link', () => {
  it('[account-links] is good for one confirmation', async () => {
    const { link, said } = await beginLink();
    const browser = new Browser();
    const back = await goAway(link, browser);
    expect((await new Browser().open(link)).status).toBe(404);
    expect((await browser.open(back)).status).toBe(200);
    expect(await said).toBe('alice');
    expect((await browser.open(link)).status).toBe(404);
    expect((await browser.open(back)).status).toBe(400);
  });

  it.each(['', 'x', 'a'.repeat(32), '../callback', '%2e%2e', 'a'.repeat(4000)])(
    '[account-links] that nobody was given leads nowhere: %s',
    async (id) => {
      const answer = await new Browser().open(`${base}/oauth/connect/${id}`);
      expect([400, 404]).toContain(answer.status);
      expect(await answer.text()).not.toContain('alice');
    },
  );

  it('[account-links] shows a page that no other page can frame, script or keep', async () => {
    const { link, said } = await beginLink();
    const answer = await new Browser().open(link);
    const policy = answer.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(answer.headers.get('x-frame-options')).toBe('DENY');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(await answer.text()).not.toContain('<script');
    const [cookie = ''] = answer.headers.getSetCookie();
    expect(cookie).toMatch(/^sallyport-connect=[\w-]{32}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=3600$/);
    const browser = new Browser();
    const page = await (await browser.open(link)).text();
    await browser.open(link, { token: formTokenIn(page), answer: 'no' });
    expect(await said).toContain('you cancelled');
  });
});

describe('a form', () => {
  it('[account-links] of another browser, of another page, or without its token confirms nothing', async () => {
    const { link, said } = await beginLink();
    const other = await beginLink();
    const browser = new Browser();
    const token = formTokenIn(await (await browser.open(link)).text());
    const stranger = new Browser();
    const foreign = formTokenIn(await (await stranger.open(link)).text());
    expect(foreign).not.toBe(token);
    const elsewhere = formTokenIn(await (await browser.open(other.link)).text());
    for (const wrong of ['', 'x', foreign, elsewhere]) {
      expect((await browser.open(link, { token: wrong, answer: 'yes' })).status).toBe(403);
    }
    expect((await new Browser().open(link, { token, answer: 'yes' })).status).toBe(403);
    const cookie = { cookie: `sallyport-connect=${'a'.repeat(32)}` };
    const planted = await fetch(link, {
      method: 'POST',
      headers: cookie,
      body: new URLSearchParams({ token, answer: 'yes' }),
    });
    expect(planted.status).toBe(403);
    for (const each of [link, other.link]) {
      const own = formTokenIn(await (await browser.open(each)).text());
      await browser.open(each, { token: own, answer: 'no' });
    }
    expect(await said).toContain('you cancelled');
    await other.said;
  });

  it.each([
    ['another site', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }],
    ['a site that hides', { origin: 'null', 'sec-fetch-site': 'cross-site' }],
    ['another port of this machine', { origin: 'http://127.0.0.1:1' }],
    ['text', { 'content-type': 'text/plain' }],
  ])('[account-links] from %s is not taken', async (_name, headers) => {
    const { link, said } = await beginLink();
    const browser = new Browser();
    const first = await browser.open(link);
    const token = formTokenIn(await first.text());
    const [cookie = ''] = first.headers.getSetCookie();
    const [pair = ''] = cookie.split(';');
    const body = new URLSearchParams({ token, answer: 'yes' }).toString();
    const type = { 'content-type': 'application/x-www-form-urlencoded' };
    const answer = await fetch(link, {
      method: 'POST',
      redirect: 'manual',
      body,
      headers: { ...type, cookie: pair, ...headers },
    });
    expect(answer.status).toBe(403);
    await browser.open(link, { token, answer: 'no' });
    expect(await said).toContain('you cancelled');
  });
});

describe('a way back', () => {
  it('[account-links] in another browser connects nothing, and the code is not redeemed', async () => {
    const { link, said } = await beginLink();
    const back = await goAway(link, new Browser());
    const before = await setting.tokenRequests();
    const thief = new Browser();
    await thief.open(link);
    expect((await thief.open(back)).status).toBe(403);
    expect(await said).toContain('another browser came back');
    expect(await setting.tokenRequests()).toBe(before);
  });

  it.each([
    ['names another issuer', (back: URL) => back.searchParams.set('iss', 'https://evil.example')],
    ['names no issuer', (back: URL) => back.searchParams.delete('iss')],
    [
      'names an issuer with a slash more',
      (back: URL) => back.searchParams.set('iss', `${back.searchParams.get('iss')}/`),
    ],
  ])('[account-links] that %s connects nothing, and the code is not redeemed', async (_name, change) => {
    const { link, said } = await beginLink();
    const browser = new Browser();
    const back = await goAway(link, browser);
    const before = await setting.tokenRequests();
    change(back);
    expect((await browser.open(back)).status).toBe(502);
    expect(await said).toContain('the login did not succeed');
    expect(await setting.tokenRequests()).toBe(before);
  });

  it.each([
    ['no state', (back: URL) => back.searchParams.delete('state')],
    ['another state', (back: URL) => back.searchParams.set('state', 'a'.repeat(32))],
    ['two states', (back: URL) => back.searchParams.append('state', 'b')],
  ])('[account-links] with %s leads nowhere', async (_name, change) => {
    const { link, said } = await beginLink();
    const browser = new Browser();
    const back = await goAway(link, browser);
    const whole = new URL(back);
    const before = await setting.tokenRequests();
    change(back);
    expect((await browser.open(back)).status).toBe(400);
    expect(await setting.tokenRequests()).toBe(before);
    expect((await browser.open(whole)).status).toBe(200);
    expect(await said).toBe('alice');
  });

  it('[account-links] is served under our own names only', async () => {
    const { status } = await new Promise<{ status: number }>((resolve, reject) => {
      void import('node:http').then(({ get }) => {
        const request = get(`${base}/oauth/callback?state=x`, { headers: { host: 'evil.example' } }, (answer) => {
          answer.resume();
          resolve({ status: answer.statusCode ?? 0 });
        });
        request.on('error', reject);
      });
    });
    expect(status).toBe(403);
  });
});
