// `npm run check`: the quick loop while working, without real processes and sockets. Under a minute.
import { quick, runSteps } from './steps.ts';

process.exitCode = await runSteps(quick, 'go on');
