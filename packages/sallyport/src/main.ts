/** The entry of the command line: reads the words, runs one command, and turns every end into an exit code. */
import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { CommanderError } from 'commander';
import { exitCodes, Failure } from './failure.ts';
import { processHost } from './host.ts';
import { createProgram } from './program.ts';
import { processTerminal } from './terminal.ts';

const terminal = processTerminal();

// A reader that leaves early, as `| head` does, is no error; what would go on for ever looks at the stream itself.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  const program = createProgram(ownVersion(), { terminal, host: processHost() }, (exitCode) => {
    process.exitCode = exitCode;
  });
  for (const command of [program, ...program.commands, ...program.commands.flatMap((one) => one.commands)]) {
    command.exitOverride().configureOutput({
      writeErr: (text) => void process.stderr.write(text),
      outputError: (text, write) =>
        write(
          `${text
            .replace(/^error: /, 'sallyport: ')
            .trimEnd()
            .replaceAll('\n', ' ')} — see sallyport help\n`,
        ),
    });
  }
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.fine : exitCodes.usage;
  const isDebugging = process.env['SALLYPORT_DEBUG'] === '1';
  if (error instanceof Failure) {
    terminal.note(`sallyport: ${error.message} — ${error.way}`);
    if (isDebugging) terminal.note(inspect(error.cause ?? error));
    return error.exitCode;
  }
  terminal.note(`sallyport: something went wrong inside — run it again with SALLYPORT_DEBUG=1 to see what`);
  if (isDebugging) terminal.note(inspect(error));
  return exitCodes.refused;
}

function ownVersion(): string {
  const description: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const isRecord = typeof description === 'object' && description !== null;
  return isRecord && 'version' in description ? String(description.version) : 'unknown';
}
