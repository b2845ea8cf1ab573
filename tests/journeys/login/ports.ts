/** A port for a gateway whose public URL has to be known before it starts. */
import { freePorts } from '@sallyport/testkit';

/** Finds a loopback port that is free now. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  if (port === undefined) throw new Error('no port is free');
  return port;
}
