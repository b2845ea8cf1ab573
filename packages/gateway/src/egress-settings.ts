/** The settings of our own requests, as the configuration says. */
import type { EgressSettings } from '@sallyport/guard';
import type { Config } from './config/types.ts';

/** Returns the settings with secrets revealed: they go nowhere else. */
export function egressSettings({ egress: { allow, proxy, ca } }: Pick<Config, 'egress'>): EgressSettings {
  return {
    allow,
    ...(proxy === undefined ? {} : { proxy: proxy.reveal() }),
    ...(ca === undefined ? {} : { ca }),
  };
}
