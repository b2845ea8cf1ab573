// `npm test`: every check and every test, sized for a machine with two cores. `npm test -- unit order` runs only those.
import { installNeeds } from './debian.ts';
import { all, runSteps } from './steps.ts';

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !all.some((step) => step.name === name));
if (unknown.length > 0) {
  console.error(`No step named ${unknown.join(', ')}. Steps: ${all.map((step) => step.name).join(' ')}`);
  process.exit(2);
}
const steps = wanted.length === 0 ? all : all.filter((step) => wanted.includes(step.name));
if (steps.some((step) => step.isShown === true) && !(await installNeeds())) {
  process.exit(1);
}
process.exitCode = await runSteps(steps, 'stop');
