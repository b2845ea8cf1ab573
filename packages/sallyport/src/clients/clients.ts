/** The MCP client programs we know: where each keeps its servers, and under which name. One row a program. */
import { posix, win32 } from 'node:path';
import type { Host } from '../host.ts';

/** The names that people type. */
export type ClientName = 'claude' | 'cursor' | 'vscode';

/** One file in which a client program lists servers. */
export interface ClientFile {
  /** As people call the program: `Claude Desktop`. */
  readonly program: string;
  readonly path: string;
  /** The member that holds the servers. */
  readonly holder: 'mcpServers' | 'servers';
  /** Where `${workspaceFolder}` points. */
  readonly workspace: string;
  /** `connect` writes to this file when it exists, or when this folder does; `undefined`: only when the file exists. */
  readonly home?: string;
  /** What makes the program read the file again. */
  readonly afterwards: string;
}

/** All client names. */
export const clientNames: readonly ClientName[] = ['claude', 'cursor', 'vscode'];

/** Tells whether `name` is a client that we know. */
export function isClientName(name: string): name is ClientName {
  return clientNames.some((known) => known === name);
}

/** Returns where a client keeps its servers on this machine, the file for all projects first. */
export function clientFiles(client: ClientName, host: Host): ClientFile[] {
  const { join, dirname } = host.platform === 'win32' ? win32 : posix;
  const roaming = settingsFolder(host);
  switch (client) {
    case 'claude': {
      const desktop = join(roaming, 'Claude');
      const code = join(host.home, '.claude.json');
      return [
        {
          program: 'Claude Desktop',
          path: join(desktop, 'claude_desktop_config.json'),
          holder: 'mcpServers',
          workspace: host.cwd,
          home: desktop,
          afterwards: 'Restart Claude Desktop.',
        },
        {
          program: 'Claude Code',
          path: code,
          holder: 'mcpServers',
          workspace: host.cwd,
          afterwards: 'Start a new Claude Code session.',
        },
        {
          program: 'Claude Code (this project)',
          path: join(host.cwd, '.mcp.json'),
          holder: 'mcpServers',
          workspace: host.cwd,
          afterwards: 'Start a new Claude Code session here.',
        },
      ];
    }
    case 'cursor': {
      const user = join(host.home, '.cursor', 'mcp.json');
      return [
        {
          program: 'Cursor',
          path: user,
          holder: 'mcpServers',
          workspace: host.cwd,
          home: dirname(user),
          afterwards: 'Cursor reads it again by itself.',
        },
        {
          program: 'Cursor (this project)',
          path: join(host.cwd, '.cursor', 'mcp.json'),
          holder: 'mcpServers',
          workspace: host.cwd,
          afterwards: 'Cursor reads it again by itself.',
        },
      ];
    }
    case 'vscode': {
      const user = join(roaming, 'Code', 'User');
      return [
        {
          program: 'VS Code',
          path: join(user, 'mcp.json'),
          holder: 'servers',
          workspace: host.cwd,
          home: user,
          afterwards: 'Start the server from the MCP view of VS Code.',
        },
        {
          program: 'VS Code (this project)',
          path: join(host.cwd, '.vscode', 'mcp.json'),
          holder: 'servers',
          workspace: host.cwd,
          home: join(host.cwd, '.vscode'),
          afterwards: 'Start the server from the MCP view of VS Code.',
        },
      ];
    }
  }
}

/** Returns the file that a person named by path, with the holder that its content or its client calls for. */
export function namedClientFile(path: string, holder: ClientFile['holder'], host: Host): ClientFile {
  const { dirname, basename } = host.platform === 'win32' ? win32 : posix;
  const folder = dirname(path);
  const isProjectFolder = ['.vscode', '.cursor'].includes(basename(folder));
  return {
    program: basename(path),
    path,
    holder,
    workspace: isProjectFolder ? dirname(folder) : folder,
    home: folder,
    afterwards: 'Restart the program that reads it.',
  };
}

/** The folder in which desktop programs keep settings. */
function settingsFolder(host: Host): string {
  if (host.platform === 'win32') return host.env['APPDATA'] ?? win32.join(host.home, 'AppData', 'Roaming');
  if (host.platform === 'darwin') return posix.join(host.home, 'Library', 'Application Support');
  return host.env['XDG_CONFIG_HOME'] || posix.join(host.home, '.config');
}
