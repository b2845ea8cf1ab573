/** Reader of `effects:`: what tools do, as an administrator judges it (design §4.1). The first line that matches counts. */
import { compilePattern, matchesPattern, type Effect, type EffectLine, type Pattern } from '@sallyport/guard';
import { readPattern } from './grants.ts';
import { choice, quoted, wrongType, type Reader, type Text } from './reader.ts';

const effect: Reader<Effect> = choice('read', 'write', 'destructive');

/** `effects:`, a mapping of patterns to effects, whose order counts. */
export const effects: Reader<readonly EffectLine[]> = {
  schema: { type: 'object', additionalProperties: effect.schema },
  read: (node, reading) => {
    if (node.kind !== 'map') {
      return wrongType(node, reading, 'patterns and effects', "{ 'db.query': read, '*': write }");
    }
    const lines: EffectLine[] = [];
    const before: Pattern[] = [];
    let isWhole = true;
    for (const { key, keyOrigin, value } of node.entries) {
      const found: Text = {
        value: key,
        shown: key,
        node: { kind: 'scalar', origin: keyOrigin, value: key, written: key },
      };
      const pattern = readPattern(found, reading, 0);
      const judged = effect.read(value, reading);
      if (pattern === undefined || judged === undefined) {
        isWhole = false;
        continue;
      }
      const compiled = compilePattern(pattern);
      if (compiled.kind === 'fault') continue;
      // In the place of a star stands what no name holds, so that only the stars of those before can take it in.
      const covering = before.find((earlier) => matchesPattern(earlier, compiled.literals.join('\0')));
      if (covering !== undefined) {
        reading.log.warn(keyOrigin, {
          code: 'pattern',
          message: `${quoted(key)} never counts: ${quoted(covering.source)} stands before it and matches everything that it does`,
          suggestion: `put it before ${quoted(covering.source)}`,
          length: key.length,
        });
      }
      before.push(compiled);
      lines.push({ pattern, effect: judged, origin: keyOrigin });
    }
    return isWhole ? lines : undefined;
  },
};
