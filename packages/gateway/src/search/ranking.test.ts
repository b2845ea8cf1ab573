import { describe, expect, it } from 'vitest';
import { createRanking, readDocument, type Document, type Ranking } from './ranking.ts';

/** Tools as teams have them, in a few words each: server, name, what it does, arguments. */
const catalog = `
tracker create_issue | Opens a new issue in a project | project title body labels
tracker close_issue | Marks an issue as done | project number
tracker list_issues | Lists the issues of a project, filtered by state or label | project state label
tracker comment_on_issue | Adds a comment to an issue | project number text
tracker assign_issue | Gives an issue to a person | project number assignee
code search_code | Finds text in the source of all repositories | query language
code create_branch | Starts a branch from a commit | repository name from
code open_pull_request | Proposes to merge one branch into another | repository head base title
code merge_pull_request | Merges a pull request | repository number method
code list_commits | Shows the history of a branch | repository branch since
code delete_repository | Removes a repository for good | repository
mail send_message | Sends an e-mail | to subject body attachments
mail search_mailbox | Finds messages by sender, subject or text | query folder
mail move_to_trash | Throws a message away | id
mail create_draft | Keeps an e-mail to be sent later | to subject body
calendar createEvent | Puts a meeting into the calendar | title start end guests
calendar findFreeSlots | Finds times at which all guests are free | guests duration
calendar cancelEvent | Calls a meeting off | id
db run_query | Runs a SQL statement that reads | sql
db list_tables | Shows the tables of a database with their columns | schema
db explain_query | Shows the plan of a SQL statement | sql
db export_csv | Writes the rows of a table to a CSV file | table path
shop get_order | Looks an order up by its number | order_id
shop refund_payment | Gives a customer the money back | payment_id amount
shop update_stock | Sets how many pieces of an article are there | sku quantity
shop list_customers | Lists customers | page
ops restart_service | Stops a service and starts it again | name
ops tail_logs | Shows the last lines of the log of a service | name lines
ops scale_deployment | Changes how many copies of a service run | name replicas
ops list_alerts | Shows alarms that are firing | severity
design get_file | Reads a design document | file_key
design export_image | Renders a part of a design as PNG or SVG | node_id format
chat post_message | Writes into a channel | channel text
chat list_channels | Lists channels | cursor
chat invite_user | Adds a person to a channel | channel user
wiki 搜索页面 | 在知识库中搜索页面 | 关键词
wiki 删除页面 | 从知识库中删除一个页面 | 页面
maps geocode_address | Turns an address into coordinates | address
maps plan_route | Finds the way from one place to another | from to mode
hr request_vacation | Asks for days off | from to
`
  .trim()
  .split('\n')
  .map((line) => {
    const [head = '', description = '', args = ''] = line.split(' | ');
    const [server = '', name = ''] = head.split(' ');
    return { server, name, description, args: args.split(' ') };
  });

function rankingOf(documents: readonly Document[]): Ranking {
  const made = createRanking();
  for (const document of documents) made.add(document);
  return made;
}

const ranking = rankingOf(
  catalog.map(({ server, name, description, args }) =>
    readDocument({ name, title: '', server, description, arguments: args, argumentTexts: '' }),
  ),
);

function find(question: string, count = 5): string[] {
  return ranking
    .rank(question)
    .slice(0, count)
    .map((at) => catalog[at]?.name ?? '');
}

const questions: readonly (readonly [string, string])[] = [
  ['report a bug', 'create_issue'],
  ['file a new ticket', 'create_issue'],
  ['close the ticket', 'close_issue'],
  ['who works on this issue', 'assign_issue'],
  ['grep the source', 'search_code'],
  ['make a branch', 'create_branch'],
  ['open a PR pull request', 'open_pull_request'],
  ['commit history', 'list_commits'],
  ['remove the repo', 'delete_repository'],
  ['write an email to Ada', 'send_message'],
  ['find the mail about invoices', 'search_mailbox'],
  ['schedule a meeting', 'createEvent'],
  ['create appointment', 'createEvent'],
  ['when is everybody free', 'findFreeSlots'],
  ['cancel the meeting', 'cancelEvent'],
  ['SQL select', 'run_query'],
  ['which tables are there', 'list_tables'],
  ['query plan', 'explain_query'],
  ['download table as csv', 'export_csv'],
  ['look up order 17', 'get_order'],
  ['give money back', 'refund_payment'],
  ['inventory quantity of a sku', 'update_stock'],
  ['restart nginx', 'restart_service'],
  ['show me the logs', 'tail_logs'],
  ['more replicas', 'scale_deployment'],
  ['firing alarms', 'list_alerts'],
  ['export as svg', 'export_image'],
  ['say hello in the channel', 'post_message'],
  ['add person to channel', 'invite_user'],
  ['搜索', '搜索页面'],
  ['删除页面', '删除页面'],
  ['coordinates of an address', 'geocode_address'],
  ['directions from A to B route', 'plan_route'],
  ['vacation', 'request_vacation'],
  ['refundPayment', 'refund_payment'],
  ['scale_deployment', 'scale_deployment'],
];

describe('a ranking', () => {
  it('[views-search] has what was meant among the first five', () => {
    const missed = questions.filter(([question, name]) => !find(question).includes(name));
    const first = questions.filter(([question, name]) => find(question, 1)[0] === name);
    expect([catalog.length, questions.length]).toEqual([40, 36]);
    expect(missed).toEqual([]);
    expect(first.length).toBeGreaterThanOrEqual(30);
  });

  it('is the same each time, and ends equal ones in their order', () => {
    const twins = rankingOf(
      ['a', 'b', 'c'].map((server) =>
        readDocument({ name: 'ping', title: '', server, description: 'x', arguments: [], argumentTexts: '' }),
      ),
    );
    expect(twins.rank('ping')).toEqual([0, 1, 2]);
    expect(find('list')).toEqual(find('list'));
  });

  it('finds nothing for nothing, and knows no words but those of its tools', () => {
    for (const question of ['', ' ?! ', 'constructor', '__proto__', 'zebra']) {
      expect(ranking.rank(question), question).toEqual([]);
    }
    expect(rankingOf([]).rank('anything')).toEqual([]);
  });

  it('does not rank a tool higher for repeating itself', () => {
    const document = (description: string) =>
      readDocument({ name: 'tool', title: '', server: 's', description, arguments: [], argumentTexts: '' });
    const honest = document('sends a letter to a friend');
    const loud = document('letter '.repeat(200));
    const { rank } = rankingOf([loud, honest]);
    expect(rank('send a letter to a friend')[0]).toBe(1);
  });
});
