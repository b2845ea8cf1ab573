import { describe, expect, it } from 'vitest';
import { pathKey } from './session-id.ts';

describe('the word for a door path', () => {
  it('is another one for a view than for a server of the same name, so that no handle of the one opens at the other', () => {
    const words = [
      pathKey({ kind: 'all' }),
      pathKey({ kind: 'server', server: 'files' }),
      pathKey({ kind: 'view', view: 'files' }),
      pathKey({ kind: 'view', view: 'other' }),
    ];
    expect(new Set(words).size).toBe(4);
  });
});
