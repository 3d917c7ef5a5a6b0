/**
 * Boot: from a closed store to a running engine.
 *
 * The store's opening gives the epoch, the store keeps the identity, and the host's generator gives
 * the seed: three things that no two boots of a peer share, or all of them do.
 */

import { createYjsDocuments } from '../documents/yjs-documents.ts'
import type { MeshEvent } from '../engine/command.ts'
import type { Cryptography } from '../engine/crypto/cryptography.ts'
import type { EngineOptions } from '../engine/engine-options.ts'
import { Engine } from '../engine/engine.ts'
import { peerIdOf, type PeerId } from '../engine/identity/peer-id.ts'
import type { Problem } from '../engine/problem.ts'
import { createFlightRecorder } from '../recorder/recorder.ts'
import type { Storage, StorageKey } from '../storage/storage.ts'
import { createDriverHost, type DriverHost } from './driver-host.ts'
import { Driver, type DrivenEngine } from './driver.ts'
import { storageFailureOf, storageProblemOf } from './storage-problem.ts'
import type { StreamReportPort } from './stream-orders.ts'
import type { TransportPort } from './transport-port.ts'

export interface BootOptions {
  /** As validated by the facade. */
  readonly app: string
  readonly secret: Uint8Array
  readonly name: string
  readonly platform: string
  readonly metadata: Readonly<Record<string, string>>
  /** Not open yet; closed by boot when it fails, by the driver else. */
  readonly storage: Storage
  readonly cryptography: Cryptography
  readonly transports: TransportPort
  readonly streams: StreamReportPort
  readonly event: (event: MeshEvent) => void
  readonly ended: (problem: Problem | undefined) => void
  /** Default: the real host. */
  readonly createHost?: (leapt: (leapMs: number) => void) => DriverHost
  /** Default: the real engine. */
  readonly createEngine?: (options: EngineOptions) => DrivenEngine
}

export type BootResult =
  | { readonly ok: true; readonly driver: Driver; readonly peer: PeerId }
  | { readonly ok: false; readonly problem: Problem }

/** Where the store keeps the peer's Ed25519 secret key: 32 bytes. */
const identityKey: StorageKey = ['identity']

/** Opens the store and starts the engine over it. Never rejects. */
export async function boot(options: BootOptions): Promise<BootResult> {
  const { storage } = options
  const opening = await openStore(storage)
  if (!opening.ok) {
    await storage.close().catch(() => {})
    return opening
  }
  try {
    return startEngine(options, opening)
  } catch (error) {
    await storage.close().catch(() => {})
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return { ok: false, problem: { code: 'engine-failed', message: `no engine: ${reason}` } }
  }
}

/** Throws what the engine throws when it is made: a broken invariant. */
function startEngine(
  options: BootOptions,
  { epoch, identitySecretKey }: StoreOpening & { readonly ok: true },
): BootResult {
  const { storage, cryptography, transports, streams, event, ended } = options
  const { recorder } = createFlightRecorder()
  const createEngine = options.createEngine ?? ((options) => new Engine(options))
  const engine = createEngine({
    app: options.app,
    secret: options.secret,
    identitySecretKey,
    epoch,
    seed: crypto.getRandomValues(new Uint8Array(32)),
    name: options.name,
    platform: options.platform,
    metadata: options.metadata,
    cryptography,
    documents: createYjsDocuments(),
    recorder,
  })
  const createHost = options.createHost ?? createDriverHost
  const sleep: { tell: (sleptMs: number) => void } = { tell: () => {} }
  const host = createHost((sleptMs) => sleep.tell(sleptMs))
  recorder.setTime(host.nowMs())
  const driver = new Driver({ engine, storage, transports, streams, host, recorder, event, ended })
  sleep.tell = (sleptMs) => driver.slept(sleptMs)
  recorder.driver.started.record(epoch)
  driver.start()
  const peer = peerIdOf(cryptography.ed25519PublicKey(identitySecretKey), cryptography)
  return { ok: true, driver, peer }
}

type StoreOpening =
  | { readonly ok: true; readonly epoch: number; readonly identitySecretKey: Uint8Array }
  | { readonly ok: false; readonly problem: Problem }

/** Claims the store, and reads the secret key of this peer, which is made on the first run. */
async function openStore(storage: Storage): Promise<StoreOpening> {
  try {
    const { epoch } = await storage.open()
    const [found] = await storage.read([{ type: 'get', space: 'meta', key: identityKey }])
    const stored = found?.[0]?.value
    if (stored === undefined) {
      const identitySecretKey = crypto.getRandomValues(new Uint8Array(32))
      const value = identitySecretKey.slice()
      await storage.write([{ type: 'put', space: 'meta', key: identityKey, value }])
      return { ok: true, epoch, identitySecretKey }
    }
    if (stored instanceof Uint8Array && stored.length === 32) {
      return { ok: true, epoch, identitySecretKey: stored }
    }
    const message = 'the identity in the store is not a key of 32 bytes'
    return { ok: false, problem: { code: 'store-corrupt', message } }
  } catch (error) {
    return { ok: false, problem: storageProblemOf(storageFailureOf(error)) }
  }
}
