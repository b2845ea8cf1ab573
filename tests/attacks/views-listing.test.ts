// A target is listed at a view exactly when the view holds it and some call of it is allowed.
import { describe, expect, it } from 'vitest';
import { runViewProperty } from './views-listing.property.ts';

describe('lists and calls at views', () => {
  it('[views] [list-equals-call] agree over random views and policies, enforced and observed', () => {
    expect(runViewProperty(1000, 20_261_120)).toEqual({ runs: 1000, seed: 20_261_120 });
  });
});
