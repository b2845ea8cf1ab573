/** Everything that other packages may use of the wire formats. */
export type { Classification, ClassifyFault, Inbound } from './classify.ts';
export { classify } from './classify.ts';
export type { EnvelopeFault } from './envelope.ts';
export {
  checkEnvelope,
  CLIENT_CAPABILITIES_KEY,
  CLIENT_INFO_KEY,
  LOG_LEVEL_KEY,
  metaOf,
  PROTOCOL_VERSION_KEY,
  RESERVED_META_PREFIX,
  SERVER_INFO_KEY,
  SUBSCRIPTION_ID_KEY,
} from './envelope.ts';
export type { ErrorRow } from './errors.ts';
export {
  ERROR_TABLE,
  HEADER_MISMATCH,
  httpStatusOf,
  INTERNAL_ERROR,
  INVALID_PARAMS,
  INVALID_REQUEST,
  METHOD_NOT_FOUND,
  MISSING_CLIENT_CAPABILITY,
  PARSE_ERROR,
  RESOURCE_NOT_FOUND,
  UNSUPPORTED_VERSION,
  URL_ELICITATION_REQUIRED,
} from './errors.ts';
export type { DecodedValue } from './header-value.ts';
export { decodeHeaderValue, encodeHeaderValue, stripOws } from './header-value.ts';
export type { HeaderFault, HeaderFields } from './headers.ts';
export { checkHeaders, METHOD_HEADER, mirroredTarget, NAME_HEADER, VERSION_HEADER } from './headers.ts';
export type { JsonBounds, JsonFault, JsonFaultName, JsonReading } from './json.ts';
export { readJson } from './json.ts';
export type { Member } from './members.ts';
export { locate, memberOf, members } from './members.ts';
export type { Era, JsonObject, Message, MessageSpans, Span } from './message.ts';
export type { Direction, MethodEntry } from './methods.ts';
export {
  ASSUMED_LEGACY_REVISION,
  eraOf,
  LATEST_LEGACY_REVISION,
  LEGACY_REVISIONS,
  lookupMethod,
  METHOD_TABLE,
  MODERN_REVISION,
  MODERN_REVISIONS,
  SUPPORTED_REVISIONS,
} from './methods.ts';
export { isObject } from './object.ts';
export type { AnnotationFault, AnnotationReading, ParamHeaderAnnotation } from './param-headers.ts';
export { checkParamHeaders, paramHeaders, readParamHeaderAnnotations } from './param-headers.ts';
export type { MessageFault, MessageFaultName, MessageReading } from './read-message.ts';
export { isId, readMessage } from './read-message.ts';
export type { Edit } from './splice.ts';
export { removeMember, removeMembers, setMember, setMembers, splice } from './splice.ts';
export { isHopError, toLegacyError, toModernError } from './eras/errors.ts';
export type { Question } from './eras/input.ts';
export {
  readQuestions,
  readUrlQuestions,
  toLegacyQuestion,
  toModernQuestion,
  withAnswers,
  writeInputRequired,
} from './eras/input.ts';
export type { Envelope } from './eras/params.ts';
export { toLegacyParams, toModernParams, withTask } from './eras/params.ts';
export type { LegacyOutput, ResultFacts } from './eras/results.ts';
export { toLegacyResult, toModernResult } from './eras/results.ts';
export type { LegacyTool } from './eras/tools.ts';
export { toLegacyTool, toModernTool } from './eras/tools.ts';
export { LineBuffer } from './line-buffer.ts';
export type { LineItem } from './lines.ts';
export { LineReader } from './lines.ts';
export type { SseItem, SseLimits } from './sse.ts';
export { encodeSseEvent, SseParser } from './sse.ts';
