/** From the configuration to the settings of the one client: secrets revealed here, and they go nowhere else. */
import type { EgressSettings } from '@sallyport/guard';
import type { Config } from './config/types.ts';

/** Returns the settings of all requests of our own. */
export function egressSettings({ egress: { allow, proxy, ca } }: Pick<Config, 'egress'>): EgressSettings {
  return {
    allow,
    ...(proxy === undefined ? {} : { proxy: proxy.reveal() }),
    ...(ca === undefined ? {} : { ca }),
  };
}
