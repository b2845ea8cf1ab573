import { describe, expect, it } from 'vitest';
import { askable } from './capabilities.ts';

describe('what a server hears of a caller’s capabilities', () => {
  it('is what the entry allows and the caller has', () => {
    const capabilities = { sampling: { tools: {} }, elicitation: { form: {}, url: {} }, roots: { listChanged: true } };
    expect(askable(capabilities, ['roots', 'elicitation'])).toEqual({
      elicitation: { form: {}, url: {} },
      roots: {},
    });
    expect(askable(capabilities, [])).toEqual({});
    expect(askable({}, ['sampling'])).toEqual({});
  });

  it('is the same text for all that differs only in what nobody knows', () => {
    const variants = [
      { sampling: {}, elicitation: { form: {} } },
      { elicitation: { n: 1, form: { n: 2 }, url: false }, sampling: { x: { y: 'z'.repeat(9) } } },
      { experimental: { a: {} }, roots: 'yes', elicitation: { form: {} }, sampling: { tools: null } },
    ];
    const texts = variants.map((variant) => JSON.stringify(askable(variant, ['sampling', 'elicitation', 'roots'])));
    expect(new Set(texts)).toEqual(new Set(['{"elicitation":{"form":{}},"sampling":{}}']));
  });
});
