/** A client program of the official SDK, in either era, whose person is sent to pages. */
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

/** What happens with the pages that the gateway sends the person to. */
export type OnPage = (url: string, message: string) => Promise<'accept' | 'decline'>;

/** A client program. */
export interface AccountCaller {
  /** Calls a tool; gives its text, or the text of a refusal after `refused: `. */
  call(name: string, args?: Readonly<Record<string, unknown>>): Promise<string>;
  tools(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** Connects one. Without `onPage` it cannot be sent to pages. */
export async function connectCaller(
  url: string,
  key: string,
  era: 'modern' | 'legacy',
  onPage?: OnPage,
): Promise<AccountCaller> {
  const client = new Client(
    { name: 'accounts', version: '1.0.0' },
    {
      versionNegotiation: { mode: era === 'modern' ? { pin: '2026-07-28' } : 'legacy' },
      ...(onPage === undefined ? {} : { capabilities: { elicitation: { url: {} } } }),
    },
  );
  if (onPage !== undefined) {
    client.setRequestHandler('elicitation/create', async ({ params }) => {
      const { url: page = '', message } = params as { readonly url?: string; readonly message: string };
      return { action: await onPage(page, message) };
    });
  }
  const headers = { authorization: `Bearer ${key}` };
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
  return {
    async call(name, args = {}) {
      const result = await client.callTool({ name, arguments: { ...args } });
      const [first] = result.content as readonly { readonly text?: string }[];
      return `${result.isError === true ? 'refused: ' : ''}${first?.text ?? ''}`;
    },
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    close: () => client.close(),
  };
}
