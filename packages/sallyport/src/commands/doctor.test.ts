import { describe, expect, it } from 'vitest';
import { storeWay } from './doctor.ts';

describe('what doctor advises about a store that does not open', () => {
  it('depends on what is wrong with it', () => {
    expect(storeWay('unsafe')).toContain('who could have changed it');
    expect(storeWay('unsupported')).toContain('sqlite:');
    expect(storeWay('malformed')).toContain('belong together');
    expect(storeWay(undefined)).toContain('belong together');
  });
});
