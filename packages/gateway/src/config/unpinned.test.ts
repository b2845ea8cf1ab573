import { describe, expect, it } from 'vitest';
import { findUnpinned } from './unpinned.ts';

const find = (line: string): string | undefined => {
  const words = line.split(' ');
  const found = findUnpinned(words);
  return found === undefined ? undefined : `${words[found.index]} → ${/"(.*)"/.exec(found.suggestion)?.[1]}`;
};

describe('a command that runs a package', () => {
  it.each([
    ['npx -y @scope/pkg ./data', '@scope/pkg → @scope/pkg@1.2.3'],
    ['/usr/local/bin/npx -y pkg@latest', 'pkg@latest → pkg@1.2.3'],
    ['npx.cmd --yes pkg@^1.2.3', 'pkg@^1.2.3 → pkg@1.2.3'],
    ['npx -y --package=@scope/pkg tool', '--package=@scope/pkg → --package=@scope/pkg@1.2.3'],
    ['npx -p pkg tool', 'pkg → pkg@1.2.3'],
    ['npm exec -y -- pkg', 'pkg → pkg@1.2.3'],
    ['pnpm dlx pkg', 'pkg → pkg@1.2.3'],
    ['bunx pkg', 'pkg → pkg@1.2.3'],
    ['uvx mcp-server-git --repository .', 'mcp-server-git → mcp-server-git==1.2.3'],
    ['uvx --python 3.12 server@latest', 'server@latest → server==1.2.3'],
    ['uvx --from server>=1 tool', 'server>=1 → server==1.2.3'],
    ['uv tool run server', 'server → server==1.2.3'],
    ['pipx run server', 'server → server==1.2.3'],
    ['docker run -i --rm -e TOKEN mcp/github', 'mcp/github → mcp/github:1.2.3'],
    ['docker run -i registry:5000/mcp/git:latest', 'registry:5000/mcp/git:latest → registry:5000/mcp/git:1.2.3'],
    ['podman run --mount type=bind image', 'image → image:1.2.3'],
  ])('is found without a version: %s', (line, expected) => {
    expect(find(line)).toBe(expected);
  });

  it.each([
    'npx -y @scope/pkg@1.2.3 ./data',
    'npx -y pkg@1.2.3-beta.1',
    'npx -y ./local',
    'npx',
    'npx installed-beside-it',
    'npx -y env:PACKAGE',
    'uvx mcp-server-git==2025.1.14',
    'uvx server@1.2.3',
    'uvx --from server==1.2.3 tool',
    'docker run -i mcp/github:1.2.3',
    `docker run -i mcp/github@sha256:${'a'.repeat(64)}`,
    'docker ps',
    'node server.js',
    'my-npx pkg',
    'npm start',
  ])('is left alone when it has one, or runs none: %s', (line) => {
    expect(find(line)).toBeUndefined();
  });
});
