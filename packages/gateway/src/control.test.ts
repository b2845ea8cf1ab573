import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { controlPath } from './control.ts';

const pathOf = (...files: string[]) => controlPath({ files });
const deep = resolve('/', ...Array.from({ length: 12 }, (_, i) => `folder-number-${i}`));

describe.skipIf(process.platform === 'win32')('the path of the control socket', () => {
  it('is in the state folder beside the first configuration file', () => {
    expect(pathOf('/srv/gate/sallyport.yaml', '/etc/other.yaml')).toBe('/srv/gate/state/sallyport.sock');
  });

  it('is in the user’s own folder of the temporary one when it would be too long for a socket', () => {
    const path = pathOf(join(deep, 'sallyport.yaml'));
    expect(Buffer.byteLength(path)).toBeLessThanOrEqual(107);
    expect(path).toMatch(/sallyport-\d+\/[0-9a-f]{24}\.sock$/);
  });

  it('is another for each folder and the same for the same', () => {
    const [one, two] = [join(deep, 'a', 'sallyport.yaml'), join(deep, 'b', 'sallyport.yaml')];
    expect(pathOf(one)).not.toBe(pathOf(two));
    expect(pathOf(one)).toBe(pathOf(one));
  });
});
