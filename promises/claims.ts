// The claims of five published security policies that Sallyport sets out to keep. Each needs at least one promise.
// gen: OpenAPI-to-MCP generator; asst: assistant that generates servers and clients; fw: server framework;
// guard: gateway; plat: platform.

const last = { gen: 9, asst: 8, fw: 11, guard: 11, plat: 8 } as const;

/** Every claim id: `gen-1` … `plat-8`. */
export const claims: readonly string[] = Object.entries(last).flatMap(([policy, count]) =>
  Array.from({ length: count }, (_, index) => `${policy}-${index + 1}`),
);
