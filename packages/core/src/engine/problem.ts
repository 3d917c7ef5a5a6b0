/**
 * Problems that reach people: a stable code and a message. Each code has its heading in
 * docs/errors.md with cause and remedy.
 */

export const problemCodes = [
  // Joining
  'app-mismatch',
  'secret-mismatch',
  'protocol-version-mismatch',
  'identity-mismatch',
  'handshake-failed',
  'address-invalid',
  'certificate-mismatch',
  // Inviting
  'invitation-malformed',
  'invitation-damaged',
  'invitation-version',
  'invitation-expired',
  'invitation-mismatch',
  'invitation-used',
  'invitation-own',
  'invitation-unsupported',
  'invitation-failed',
  // Documents
  'document-exists',
  'document-missing',
  'document-changed',
  'document-too-large',
  'value-invalid',
  'query-invalid',
  // Storage
  'store-in-use',
  'store-fenced',
  'store-version',
  'store-corrupt',
  'storage-quota',
  'storage-failed',
  // Streams
  'peer-unreachable',
  'stream-refused',
  'stream-reset',
  'stream-stopped',
  'stream-lost',
  // Running
  'options-invalid',
  'mesh-closed',
  'engine-failed',
  'worker-failed',
  'transport-failed',
  'limit-reached',
] as const

export type ProblemCode = (typeof problemCodes)[number]

/** A problem as a value; the facade turns it into a `MeshError`. */
export interface Problem {
  readonly code: ProblemCode
  /** One sentence with the values that matter and their units. */
  readonly message: string
}
