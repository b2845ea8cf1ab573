// Row 12: what three local servers see of a gateway whose environment is full of secrets.
import { leaked, seeEnvironments } from '../journeys/environment.ts';
import type { Prove } from './result.ts';

export const prove: Prove = async () => {
  const { own, bare, listed, ownPath } = await seeEnvironments();
  const given = ['HOME', 'TOKEN', 'LOG'];
  const leaks = [...leaked(bare, own, []), ...leaked(listed, own, given), ...leaked(ownPath, own, [])];
  const hasListed =
    listed['HOME'] === own['HOME'] && listed['TOKEN'] === own['FILES_TOKEN'] && listed['LOG'] === 'info';
  return {
    figure:
      `${Object.keys(own).length} variables of the gateway, 3 servers: ${leaks.length} seen that were not listed` +
      `, ${hasListed ? 'all' : 'not all'} of ${given.length} seen that were`,
    isMet: leaks.length === 0 && hasListed,
    details: leaks,
  };
};
