// A target is listed exactly when some call of it is allowed.
import { describe, expect, it } from 'vitest';
import { runListingProperty } from './listing.property.ts';

describe('lists and calls', () => {
  it('[list-equals-call] agree over random roles, patterns, conditions, subtractions and denials', () => {
    expect(runListingProperty(2000, 20_261_120)).toEqual({ runs: 2000, seed: 20_261_120 });
  });
});
