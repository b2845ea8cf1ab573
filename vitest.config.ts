// How tests run: unit tests beside their files, and one project per folder under tests/. Those with real processes and
// sockets run one file at a time, because the machine they are sized for has two cores; attacks mostly wait, so two.
import { defineConfig } from 'vitest/config';

const second = 1000;

/** A project over `tests/<name>/`; `ceiling` is where a test counts as hung, not how fast it should be. */
const folder = (name: string, ceiling: number, maxWorkers = 1) => ({
  test: {
    name,
    include: [`tests/${name}/**/*.test.ts`],
    testTimeout: ceiling,
    hookTimeout: ceiling,
    maxWorkers,
  },
});

// A configuration file has to have a default export; nothing else in the repository does.
export default defineConfig({
  test: {
    passWithNoTests: true,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['packages/*/src/**/*.test.{ts,tsx}', 'scripts/**/*.test.ts', 'promises/**/*.test.ts'],
          testTimeout: 10 * second,
        },
      },
      folder('conformance', 300 * second),
      folder('attacks', 120 * second, 2),
      folder('faults', 180 * second),
      folder('journeys', 300 * second),
    ],
  },
});
