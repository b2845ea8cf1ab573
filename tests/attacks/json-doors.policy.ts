/**
 * What both doors answer to JSON whose treatment RFC 8259 leaves open, chosen once: text that is not strict UTF-8 is
 * malformed (-32700); well-formed text that we do not take as a message, or over a bound, is -32600.
 */

/** JSON-RPC error code by file of the corpus `json/parsing`. */
export const openAnswers: Readonly<Record<string, -32700 | -32600>> = {
  // Numbers outside a double, or not exact in one, are well-formed.
  'i_number_double_huge_neg_exp.json': -32600,
  'i_number_huge_exp.json': -32600,
  'i_number_neg_int_huge_exp.json': -32600,
  'i_number_pos_double_huge_exp.json': -32600,
  'i_number_real_neg_overflow.json': -32600,
  'i_number_real_pos_overflow.json': -32600,
  'i_number_real_underflow.json': -32600,
  'i_number_too_big_neg_int.json': -32600,
  'i_number_too_big_pos_int.json': -32600,
  'i_number_very_big_negative_int.json': -32600,

  // Surrogates written as escapes are well-formed, even without their other half.
  'i_object_key_lone_2nd_surrogate.json': -32600,
  'i_string_1st_surrogate_but_2nd_missing.json': -32600,
  'i_string_1st_valid_surrogate_2nd_invalid.json': -32600,
  'i_string_incomplete_surrogate_and_escape_valid.json': -32600,
  'i_string_incomplete_surrogate_pair.json': -32600,
  'i_string_incomplete_surrogates_escape_valid.json': -32600,
  'i_string_invalid_lonely_surrogate.json': -32600,
  'i_string_invalid_surrogate.json': -32600,
  'i_string_inverted_surrogates_U+1D11E.json': -32600,
  'i_string_lone_second_surrogate.json': -32600,

  // Bytes that are not UTF-8, UTF-16 and byte order marks are malformed.
  'i_string_UTF-16LE_with_BOM.json': -32700,
  'i_string_UTF-8_invalid_sequence.json': -32700,
  'i_string_UTF8_surrogate_U+D800.json': -32700,
  'i_string_invalid_utf-8.json': -32700,
  'i_string_iso_latin_1.json': -32700,
  'i_string_lone_utf8_continuation_byte.json': -32700,
  'i_string_not_in_unicode_range.json': -32700,
  'i_string_overlong_sequence_2_bytes.json': -32700,
  'i_string_overlong_sequence_6_bytes.json': -32700,
  'i_string_overlong_sequence_6_bytes_null.json': -32700,
  'i_string_truncated-utf-8.json': -32700,
  'i_string_utf16BE_no_BOM.json': -32700,
  'i_string_utf16LE_no_BOM.json': -32700,
  'i_structure_UTF-8_BOM_empty_object.json': -32700,

  // Deeper than `limits.depth`.
  'i_structure_500_nested_arrays.json': -32600,
};
