/**
 * Required scenarios that cannot pass where the server behind the gateway speaks the other era only, each with the
 * reason. A scenario that passes must not stand here.
 */
export const crossEraBaseline: Readonly<Record<'2025-11-25' | '2026-07-28', Readonly<Record<string, string>>>> = {
  '2025-11-25': {},
  '2026-07-28': {},
};
