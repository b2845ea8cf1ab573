/** `sallyport schema`: prints the JSON Schema of the configuration. */
import { configJsonSchema } from '@sallyport/gateway';
import type { Context } from '../context.ts';
import { exitCodes } from '../failure.ts';

/** Prints the schema as indented JSON. */
export async function schema({ terminal }: Context): Promise<number> {
  terminal.print(JSON.stringify(configJsonSchema(), undefined, 2));
  return exitCodes.fine;
}
