/** The environment: what the host lacks, and what that means for the mesh. */

/** A feature of the platform that the mesh would use if it were there. */
export type EnvironmentFeature =
  | 'secure-context'
  | 'web-locks'
  | 'service-worker'
  | 'persistent-storage'
  | 'web-bluetooth'
  | 'webrtc'

export interface MissingFeature {
  readonly feature: EnvironmentFeature
  /** One sentence for a person: what does not work without it, and the remedy if there is one. */
  readonly consequence: string
}

/** Where the mesh runs and what it has to do without. */
export interface MeshEnvironment {
  readonly host: 'browser' | 'node'
  /** False on a page opened by plain http from another machine. Always true in Node. */
  readonly secureContext: boolean
  /** Empty when nothing is missing. */
  readonly missing: readonly MissingFeature[]
}
