export type { AuditDisk } from './disk.ts';
export { createDisk } from './disk.ts';
export type { Canceller } from './cancellation.ts';
export { createCanceller } from './cancellation.ts';
export { createExchangeIds } from './exchange-id.ts';
export type {
  AcceptedDefinition,
  Answer,
  ArgumentFault,
  CallerSession,
  CallerStream,
  DoorKind,
  DoorPath,
  Effect,
  Filling,
  Identified,
  Intended,
  Lease,
  Observed,
  Parsed,
  Principal,
  Received,
  Recorded,
  Replied,
  Target,
  TargetKind,
} from './exchange.ts';
export type {
  AppendFile,
  AuditPort,
  Blocks,
  Cancellation,
  Clock,
  Credentials,
  Disk,
  Invoker,
  Observer,
  Ports,
  Random,
  RateBuckets,
  Resolver,
  TokenFault,
  TokenHolder,
  Tokens,
} from './ports.ts';
export { stageNames, runExchange } from './pipeline.ts';
export type { QuirkName, QuirkRow } from './quirks.ts';
export { noteQuirk, quirks } from './quirks.ts';
export type { Refusal, RefusalFacts, RefusalName, RefusalRow, RefusalView, StageName } from './refusals.ts';
export { describeRefusal, isRefusal, refusals, refuse } from './refusals.ts';
export type {
  CallerRules,
  CertificateIdentity,
  CertificateRules,
  DoorRules,
  Limits,
  ResourceRules,
  Rules,
} from './rules.ts';
export { identifyCertificate } from './identity/certificate.ts';
export { spendTokens } from './stages/admit.ts';
export { grantKinds } from './stages/authorize.ts';
export { screenMessage } from './stages/screen.ts';
export type { DoorContext } from './doors/door.ts';
export type { Conversation } from './doors/conversation.ts';
export type { Conversations, ConversationsOptions } from './doors/conversations.ts';
export { createConversations } from './doors/conversations.ts';
export type { Listener, ListenerOptions } from './doors/listener.ts';
export { onCredentialEnd } from './doors/credential-end.ts';
export type { PageAnswer, PageRequest, Pages } from './doors/pages.ts';
export { openListener } from './doors/listener.ts';
export { answerUnreadable, bareAnswer } from './doors/unreadable.ts';
export { safeHeaders } from './doors/security-headers.ts';
export type { ForwardedCertificateRules } from './doors/forwarded-certificate.ts';
export type { ProxyRules } from './doors/standing.ts';
export type { TlsMaterial } from './doors/tls.ts';
export type { TrustAnchors } from './identity/x509.ts';
export { findCertificateFault, readAnchors, readCertificates } from './identity/x509.ts';
export type { StdioDoorOptions } from './doors/stdio.ts';
export { openStdioDoor } from './doors/stdio.ts';
export type { CallerAnswer, Handshake, Session, Sessions, SessionsOptions } from './doors/session.ts';
export { createSessions } from './doors/session.ts';
export { pathTail } from './doors/path.ts';
export { pathKey } from './doors/session-id.ts';
export type { NetworkFault } from './addresses.ts';
export { compileNetworks, firstOf, formatIp, readNetwork } from './addresses.ts';
export type { Seal, SealBinding, SealFault, SealPurpose } from './seal.ts';
export { createSeal, isSealFault } from './seal.ts';
export type { DerivedKeys, KeyRing, MasterFault, MasterKey } from './master.ts';
export { deriveKeys, openMasterKey, parseMasterKey, readMasterKey } from './master.ts';
export type { Access, Policy, PolicyFault } from './policy/compile.ts';
export { compilePolicy, findPolicyFaults } from './policy/compile.ts';
export type { EffectLine, Effects } from './policy/effects.ts';
export { compileEffects } from './policy/effects.ts';
export { observePolicy } from './policy/observe.ts';
export { accessAt, askerAt, isOpenView } from './policy/place.ts';
export type { View, ViewLine, ViewMode, ViewModel } from './policy/view.ts';
export { compileView } from './policy/view.ts';
export {
  askerUnder,
  canList,
  canReachServer,
  canSee,
  canSeePrefix,
  decide,
  decideCall,
  decideFor,
  fixedArguments,
  mayReachServer,
  type Asked,
  type Asker,
} from './policy/decide.ts';
export { compileCondition, type ConditionFault } from './policy/condition.ts';
export { callerFacts, targetFacts } from './policy/facts.ts';
export type { CallerFacts, CallFacts, KnownFacts, TargetFacts } from './policy/facts.ts';
export type { PartOutcome } from './policy/cel/trace.ts';
export type { Decision, RuleRef } from './policy/decision.ts';
export type { Explanation } from './policy/explain.ts';
export { exactPattern, explainDecision } from './policy/explain.ts';
export type { Condition, Denial, Grant, GrantKind, Origin, PolicyModel, Rate, Role } from './policy/model.ts';
export type { Pattern, PatternFault } from './policy/pattern.ts';
export { compilePattern, compileTextPattern, matchesPattern, patternMayMatchServer } from './policy/pattern.ts';
export type { QuantityFault } from './limits/rate.ts';
export {
  describeRate,
  formatDuration,
  formatRate,
  formatSize,
  isQuantityFault,
  parseDuration,
  parseRate,
  parseSize,
} from './limits/rate.ts';
export { createBuckets } from './limits/buckets.ts';
export { createConcurrency } from './limits/concurrency.ts';
export { canonicalJson, definitionDigest } from './inspect/canonical.ts';
export { compileInputSchema, createSchemaCache } from './inspect/schema.ts';
export { createDigest } from './inspect/digest.ts';
export type { AuditRecord, RecordDraft, RecordKind } from './audit/record.ts';
export type { AppendRefused, Durability, TrailFault, TrailOptions, TrailState, TrailStats } from './audit/options.ts';
export type { Trail } from './audit/trail.ts';
export { findTrailDanger, openTrail } from './audit/trail.ts';
export type { ReadOptions, RecordFilter } from './audit/read.ts';
export { followRecords, readRecords } from './audit/read.ts';
export type { Verdict, VerifyOptions } from './audit/verify.ts';
export { verifyTrail } from './audit/verify.ts';
export { trailPublicKeys, trailSources } from './audit/directory.ts';
export { createUnrecorded } from './audit/unrecorded.ts';
export type { Store, StoreFault } from './store/store.ts';
export type { StoreLook } from './store/look.ts';
export { lookAtStore } from './store/look.ts';
export { openStore, watchStore } from './store/store.ts';
export { findUnsafety } from './file-safety.ts';
export type {
  CreatedKey,
  KeyDates,
  KeyFault,
  KeyInfo,
  KeyRepository,
  KeyRow,
  ListedKey,
  NewKey,
} from './store/keys.ts';
export { createKeyRepository, createPepper } from './store/keys.ts';
export type { ChangeRepository, ChangeRow } from './store/changes.ts';
export { createChangeRepository, noteChange } from './store/changes.ts';
export type { Generated, Kysely, Transaction } from 'kysely';
export type { StoreTables } from './store/schema.ts';
export type { Migration, MigrationSet } from './store/migrations.ts';
export type { Envelope, EnvelopePlace } from './store/envelope.ts';
export { createEnvelope } from './store/envelope.ts';
export type { KeyIndex } from './store/key-index.ts';
export { createKeyIndex } from './store/key-index.ts';
export type { BlockKind, BlockRepository, BlockRow } from './store/blocks.ts';
export { createBlockRepository } from './store/blocks.ts';
export type { EndedSession, EndedSessions } from './store/ended-sessions.ts';
export { openEndedSessions } from './store/ended-sessions.ts';
export type {
  ClientCertificate,
  Egress,
  EgressAnswer,
  EgressFault,
  EgressReason,
  EgressRequest,
  UrlTrust,
} from './egress/egress.ts';
export type { Connections, ConnectionsOptions } from './egress/connections.ts';
export type { EgressClient, EgressOptions, EgressSettings } from './egress/client.ts';
export { createEgress } from './egress/client.ts';
export type { OpenSocket, Socket, SocketEnd, SocketListener, SocketRequest } from './egress/web-socket.ts';
export { findProxyFault } from './egress/proxy.ts';
export type { Algorithm } from './identity/algorithms.ts';
export { ALGORITHMS, isSymmetric, shapeOf } from './identity/algorithms.ts';
export type { ClaimPath } from './identity/claim-path.ts';
export { parseClaimPath } from './identity/claim-path.ts';
export type { CompactFault, CompactToken } from './identity/compact-form.ts';
export { readCompact } from './identity/compact-form.ts';
export type { JwtRules, RequiredClaim } from './identity/issuer.ts';
export { composeTokens } from './identity/compose-tokens.ts';
export type { Introspection, IntrospectionCounts } from './identity/introspection.ts';
export { createIntrospection } from './identity/introspection.ts';
export type { JwtCounts, JwtIssuer, JwtVerifier } from './identity/jwt.ts';
export { createJwtVerifier } from './identity/jwt.ts';
export type { KeyDocument, KeySetFault, VerificationKey } from './identity/key-document.ts';
export { readKeyDocument, secretKey } from './identity/key-document.ts';
export type { KeyNews, KeySetStatus } from './identity/key-set.ts';
export { isKeyMiss, KeySet } from './identity/key-set.ts';
export type { KeySource } from './identity/key-source.ts';
export { createDiscoverySource, createUrlSource } from './identity/key-source.ts';
export type { RoleMapping } from './identity/role-map.ts';
export { compileRoleMap, findMappingFault } from './identity/role-map.ts';
export { verifySignature } from './identity/signature.ts';
