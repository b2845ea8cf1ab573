// `npm start`: the main job on the quick-start example, with two real servers behind it and a key to try
// them with. Arguments go to `sallyport run`.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { root } from './tree.ts';

const program = join(root, 'node_modules', '.bin', 'sallyport');
const args = ['run', '--config', 'examples/quickstart/sallyport.yaml', '--try', 'reader', ...process.argv.slice(2)];
const child = spawn(program, args, { cwd: root, stdio: 'inherit' });

// A terminal sends Ctrl-C to both of us; what is sent to this process alone is handed on. Either way the gateway
// drains by itself, and its end is ours.
process.on('SIGINT', () => undefined);
for (const signal of ['SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => child.kill(signal));
}
child.on('error', (error) => {
  console.error(`sallyport: could not start ${program}: ${error.message}`);
  process.exitCode = 1;
});
child.on('close', (code, signal) => {
  process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1);
});
