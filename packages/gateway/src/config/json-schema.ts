/** The JSON Schema (2020-12) of `sallyport.yaml`, for editors. Made from the same table that reads the file. */
import { file } from './keys.ts';
import type { JsonSchema } from './reader.ts';

/** Returns the schema that `sallyport schema` prints. */
export function configJsonSchema(): JsonSchema {
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', title: 'sallyport.yaml', ...file.schema };
}
