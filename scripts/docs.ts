// Keeps the documents in step with the code. `node scripts/docs.ts` fills the generated blocks; `--check` compares them,
// follows links, reads every whole configuration that is shown, and looks for missing pages; `--snippets` lists shell lines.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { rootCertificates } from 'node:tls';
import { loadConfig, runPolicyTests, systemConfigPorts, toPolicyModel, toProblem } from '@sallyport/gateway';
import { compilePolicy, stageNames } from '@sallyport/guard';
import { blocks, commandNames } from './docs-blocks.ts';
import { listFiles, readText, root } from './tree.ts';

const marker = /<!-- generated: ([a-z-]+)((?: [a-z-]+)*) -->\n[^]*?<!-- \/generated -->/g;

/** A fenced part of a document. */
interface Fence {
  readonly file: string;
  /** Line of its opening, from 1. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
}

const isDocument = (path: string): boolean =>
  /^(?:docs\/.*|README|ARCHITECTURE|SECURITY|CONTRIBUTING|CHANGELOG|DEPENDENCIES)(?:\.md)$/.test(path);

const documents = (): string[] => listFiles('.', isDocument);

/** A document with its generated blocks filled. */
async function fill(file: string, text: string): Promise<string> {
  let filled = '';
  let from = 0;
  for (const found of text.matchAll(marker)) {
    const [whole, name = '', rest = ''] = found;
    const make = blocks[name];
    if (make === undefined) throw new Error(`${file}: there is no generated block called ${name}`);
    filled += text.slice(from, found.index);
    filled += `<!-- generated: ${name}${rest} -->\n${await make(rest.trim())}\n<!-- /generated -->`;
    from = found.index + whole.length;
  }
  return filled + text.slice(from);
}

/** Fenced parts, in order. */
function fences(file: string, text: string): Fence[] {
  const found: Fence[] = [];
  let open: { line: number; language: string; lines: string[] } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const fence = /^```(\w*)$/.exec(line);
    if (fence === null) open?.lines.push(line);
    else if (open === undefined) open = { line: index + 1, language: fence[1] ?? '', lines: [] };
    else {
      found.push({ file, line: open.line, language: open.language, text: open.lines.join('\n') });
      open = undefined;
    }
  }
  return found;
}

/** The anchor that a heading gets on a repository host. */
function anchor(heading: string): string {
  const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
  return plain
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .trim()
    .replaceAll(' ', '-');
}

function anchors(text: string): Set<string> {
  return new Set([...text.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => anchor(heading)));
}

/** Links between documents that lead nowhere. */
function checkLinks(file: string, text: string): string[] {
  const prose = text.replace(/^```[^]*?^```$/gm, '').replace(/`[^`\n]*`/g, '');
  const problems: string[] = [];
  for (const [, target = ''] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^(?:https?|mailto):/.test(target)) continue;
    const [path = '', fragment] = target.split('#');
    const wanted = path === '' ? file : posix.normalize(posix.join(posix.dirname(file), path));
    const isThere = wanted.endsWith('/') ? listFiles(wanted).length > 0 : readText(wanted) !== undefined;
    if (!isThere) problems.push(`${file}: a link leads nowhere: ${target}`);
    else if (fragment !== undefined && !anchors(readText(wanted) ?? '').has(fragment)) {
      problems.push(`${file}: no such heading: ${target}`);
    }
  }
  return problems;
}

/** Variables that have to hold something of their kind. */
const namedInDocuments = { HTTPS_PROXY: 'http://proxy.example.com:3128' };

/** Whole configurations that are shown have to be right. */
async function checkConfigurations(found: readonly Fence[]): Promise<string[]> {
  const problems: string[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-docs-'));
  writeFileSync(join(folder, 'ca.pem'), rootCertificates[0] ?? '', { mode: 0o644 });
  try {
    for (const [index, fence] of found.entries()) {
      if (fence.language !== 'yaml' || !/^version: 1$/m.test(fence.text)) continue;
      const path = join(folder, `${index}.yaml`);
      writeFileSync(path, fence.text, { mode: 0o600 });
      const named = [...fence.text.matchAll(/\benv:([A-Z_]+)/g)].map(
        ([, name = '']) => [name, 'a value as long as a shared secret has to be'] as const,
      );
      const loaded = await loadConfig([path], {
        ...systemConfigPorts(),
        env: { HOME: folder, ...Object.fromEntries(named), ...namedInDocuments },
      });
      if (loaded.ok) {
        const outcomes = runPolicyTests(loaded.config.tests, compilePolicy(toPolicyModel(loaded.config)));
        for (const outcome of outcomes.filter(({ passed }) => !passed)) {
          problems.push(`${fence.file}:${fence.line + outcome.test.origin.line}: ${toProblem(outcome).message}`);
        }
      }
      for (const { line, message } of loaded.ok ? loaded.warnings : [...loaded.problems, ...loaded.warnings]) {
        problems.push(`${fence.file}:${fence.line + line}: ${message}`);
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return problems;
}

/** Pages that have to be there, and sections of the design that sources name. */
async function checkPages(): Promise<string[]> {
  const pages = [
    ...stageNames.map((stage) => `docs/stages/${stage}.md`),
    ...(await commandNames()).map((command) => `docs/commands/${command}.md`),
  ];
  const problems = pages.filter((page) => readText(page) === undefined).map((page) => `${page}: is missing`);
  const sections = new Set(
    [...(readText('docs/design.md') ?? '').matchAll(/^#+ (\d(?:\.\d)?)/gm)].map(([, number]) => number),
  );
  for (const path of listFiles('.', (name) => /^(?:packages|tests|scripts|benchmarks)\/.*\.ts$/.test(name))) {
    for (const [, list = ''] of (readText(path) ?? '').matchAll(/\bdesign (§[\d.]+(?:, §[\d.]+)*)/g)) {
      for (const [number] of list.matchAll(/\d(?:\.\d)?/g)) {
        if (!sections.has(number)) problems.push(`${path}: docs/design.md has no section ${number}`);
      }
    }
  }
  return problems;
}

/**
 * Compares the documents with the code.
 * @returns one line per offence.
 */
export async function checkDocs(): Promise<string[]> {
  const problems = await checkPages();
  const found: Fence[] = [];
  for (const file of documents()) {
    const text = readText(file) ?? '';
    if ((await fill(file, text)) !== text) problems.push(`${file}: is out of date; run \`node scripts/docs.ts\``);
    problems.push(...checkLinks(file, text));
    found.push(...fences(file, text));
  }
  return [...problems, ...(await checkConfigurations(found))];
}

if (import.meta.main) {
  if (process.argv.includes('--check')) {
    const problems = await checkDocs();
    if (problems.length > 0) console.error(problems.join('\n'));
    process.exitCode = problems.length === 0 ? 0 : 1;
  } else if (process.argv.includes('--snippets')) {
    const shell = documents()
      .flatMap((file) => fences(file, readText(file) ?? ''))
      .filter(({ language }) => language === 'sh');
    for (const { file, line, text } of shell) console.log(`# ${file}:${line}\n${text}\n`);
  } else {
    for (const file of documents()) {
      const text = readText(file) ?? '';
      const filled = await fill(file, text);
      if (filled !== text) writeFileSync(join(root, file), filled);
    }
  }
}
