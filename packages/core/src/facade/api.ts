/** The public names of `@fieldmesh/core`, the same in browsers and in Node. */

export { Awareness } from './awareness.ts'
export type {
  AwarenessDelta,
  AwarenessEvent,
  AwarenessObserver,
  AwarenessState,
} from './awareness.ts'
export type {
  Collection,
  CollectionRow,
  Cursor,
  Draft,
  FieldFilter,
  FieldOperators,
  LiveChange,
  LiveQuery,
  LiveResult,
  ObserveOptions,
  PartialRow,
  RowFilter,
  RowSort,
  UpdateResult,
  WriteResult,
} from './collection.ts'
export type { Diagnosis, DiagnosisCode, Finding } from './diagnosis.ts'
export type { EnvironmentFeature, MeshEnvironment, MissingFeature } from './environment.ts'
export type { Invitation, InviteOptions, Joining, JoinOptions } from './invitation.ts'
export type { Lifecycle } from './lifecycle.ts'
export { MeshError } from './mesh-error.ts'
export type { MeshErrorOptions } from './mesh-error.ts'
export type { Mesh, MeshProblem } from './mesh.ts'
export type { MeshStream, OpenStreamOptions, StreamPriority } from './mesh-stream.ts'
export type { MeshOptions, MeshWorker, MeshWorkerEvent } from './mesh-options.ts'
export type { Observation } from './observation.ts'
export type { Presence } from './presence.ts'
export type { SharedDocument } from './shared-document.ts'
export type { SyncStatus, WriteId } from '../engine/command.ts'
export type {
  LifecycleChange,
  LifecycleReason,
  LifecycleState,
  LifecycleTransition,
} from '../engine/lifecycle-change.ts'
export type { PeerId } from '../engine/identity/peer-id.ts'
export type { LinkAccount, LinkReason, LinkState } from '../engine/mesh/link-plan/link-account.ts'
export type {
  PresenceConnection,
  PresenceGraph,
  PresencePeer,
} from '../engine/mesh/presence-graph.ts'
export type { LinkQuality } from '../engine/mesh/link-quality.ts'
export type { ProblemCode } from '../engine/problem.ts'
