/**
 * One run of the fuzzer: everything follows from a seed. It tells what was violated: an exception is
 * not caught, so that its stack shows.
 */

import type { DocumentsPort } from '../../documents/documents-port.ts'
import type { CommandAnswer } from '../../engine/command.ts'
import type { Cryptography } from '../../engine/crypto/cryptography.ts'
import { Engine } from '../../engine/engine.ts'
import type { PeerId } from '../../engine/identity/peer-id.ts'
import { createFlightRecorder } from '../../recorder/recorder.ts'
import { FuzzNetwork, type FuzzPeer } from './fuzz-network.ts'
import { Attacker } from './hostile-attack.ts'
import { HostileBytes } from './hostile-bytes.ts'
import { HostileMember } from './hostile-member.ts'
import { StreamApplication } from './stream-application.ts'

export interface FuzzOptions {
  /** Any integer from 0 to 2^53 - 1. */
  readonly seed: number
  /** Hostile messages that the target is sent, about. */
  readonly messages: number
  readonly cryptography: Cryptography
  readonly documents: DocumentsPort
}

export interface FuzzResult {
  readonly messages: number
  /** What did not hold; empty when all is well. */
  readonly violations: readonly string[]
  /** Counters of the target that grew. */
  readonly counters: Readonly<Record<string, number>>
  /** Most outputs, and most bytes sent, that one input brought. */
  readonly outputsPerInput: number
  readonly bytesPerInput: number
}

const app = 'fuzzed'
const secret = new Uint8Array(32).fill(7)

/** Gauges of the target and what they never exceed, whatever arrives. Values of docs/limits.md. */
const gaugeLimits: Readonly<Record<string, number>> = {
  'link.channels': 1_024,
  'link.links': 8,
  'link.targets': 256,
  'mesh.neighbours': 8,
  'mesh.presenceRecords': 4_096,
  'mesh.queuedBytes': 1_024 * 1_024,
  'mesh.parkedBytes': 1_024 * 1_024,
  'mesh.reachablePeers': 4_096,
  // With a few peers, 128 of each end.
  'connection.streams': 1_024,
  'sync.neighbours': 8,
  'sync.awarenessStates': 1_024,
  'documents.jobsQueued': 20_000,
  'documents.documentsCached': 256,
}
/** So short that keys follow each other within a run. */
const linkKeyLifetime = { messages: 50, bytes: 100_000, ms: 60_000 }
/** Outputs of one input: a message of 64 KiB whose frames are each answered, with room. */
const outputsPerInputMax = 4_096
/** Bytes sent for one input: the credit of a few channels. */
const bytesPerInputMax = 2 * 1024 * 1024
/** Between two looks at the honest peer, in hostile messages. */
const messagesPerLook = 100
/** What is malformed is refused within that long, in virtual time. */
const refusalMsMax = 1_000
/** An honest edit arrives within that long, in virtual time. */
const honestMsMax = 60_000

/** A member that has gone bad says hostile things to an engine, which has an honest neighbour too. */
export function fuzzMember(options: FuzzOptions): FuzzResult {
  const fuzz = new Fuzz(options)
  const { network, target, bytes } = fuzz
  const flight = createFlightRecorder()
  const member = new HostileMember({
    app,
    secret,
    identitySecretKey: bytes.exactly(32),
    seed: bytes.exactly(32),
    cryptography: options.cryptography,
    recorder: flight.recorder,
  })
  const application = new StreamApplication(network, target, bytes)
  application.violated = (what) => fuzz.violated(what)
  const attacker = new Attacker(bytes, options.cryptography, member.identity, fuzz.targetId)
  network.isClear = bytes.chance(0.5)
  const hostile = network.add('hostile', member, flight, ['target'])
  network.isClear = false

  /** The connection whose streams an attack may have torn. */
  let tornConnection = 0
  let connection = 0
  while (fuzz.messages < options.messages && fuzz.isSound) {
    if (tornConnection === member.connectionCount && bytes.chance(0.2)) {
      member.disconnect(fuzz.targetId, network.nowMs)
      hostile.take({ type: 'deadline' })
    }
    const isConnected = network.runUntil(() => member.isConnected(fuzz.targetId), 120_000)
    if (!isConnected) {
      fuzz.violated('the member cannot connect any more')
      break
    }
    if (connection !== member.connectionCount) attacker.restart()
    connection = member.connectionCount
    if (bytes.chance(0.3)) application.act(member.identity.peer)
    const attack = attacker.next()
    const before = target.flight.snapshot().counters
    attack.send(member, network.nowMs)
    // What it decided leaves with its next input.
    hostile.take({ type: 'deadline' })
    network.runFor(bytes.chance(0.9) ? 8 : 200)
    fuzz.messages += 1
    const isTorn = attack.needsStreams === true && tornConnection === member.connectionCount
    if (attack.tearsStreams === true) tornConnection = member.connectionCount
    const { refusals } = attack
    if (refusals !== undefined && !isTorn) {
      // Hostile frames may have said CLOSE: then the target alone knows that the connection is over.
      const mayBeOver = tornConnection === member.connectionCount
      const signs = mayBeOver ? [...refusals, 'connection.packetsUnknown'] : refusals
      const isRefused = () => {
        const { counters } = target.flight.snapshot()
        return signs.some((name) => (counters[name] ?? 0) > (before[name] ?? 0))
      }
      // A large message needs a few round trips, and its connection may end under way: the member's
      // own end holds to the rules.
      const isHeard = () =>
        member.isConnected(fuzz.targetId) && connection === member.connectionCount
      const isSettled = network.runUntil(() => isRefused() || !isHeard(), refusalMsMax)
      if (!isSettled) fuzz.violated(`${attack.name}: none of ${refusals.join(', ')} grew`)
    }
    fuzz.look()
  }
  return fuzz.result()
}

/** A genuine exchange of two engines is bent on its way, and pieces of it are sent by strangers. */
export function fuzzChannels(options: FuzzOptions): FuzzResult {
  const fuzz = new Fuzz(options)
  const { network, bytes } = fuzz
  const recorded: Uint8Array[] = []
  let held: Uint8Array | undefined
  network.tamper = (message, from, to) => {
    const isTapped = from === 'partner' || to === 'partner'
    if (!isTapped) return [message]
    if (recorded.length < 256) recorded.push(message)
    else if (bytes.chance(0.05)) recorded[bytes.integer(0, 255)] = message
    if (held !== undefined && to === 'target') {
      const late = held
      held = undefined
      return [message, late]
    }
    if (!bytes.chance(0.15)) return [message]
    fuzz.messages += 1
    switch (bytes.integer(0, 6)) {
      case 0:
        return []
      case 1:
        return [message, message]
      case 2:
        return [message, bytes.pick(recorded)]
      case 3:
        return [bytes.bytes(300)]
      case 4:
        if (to === 'target') held = message
        return to === 'target' ? [] : [message]
      default:
        return [bytes.bend(message)]
    }
  }
  network.isClear = true
  const partner = fuzz.addEngine('partner', ['target']).peer
  let edits = 0
  while (fuzz.messages < options.messages && fuzz.isSound) {
    network.isClear = bytes.chance(0.7)
    network.isLoose = bytes.chance(0.3)
    edits += 1
    const row = { _id: `p-${edits % 50}`, text: bytes.text(200) }
    const operations = [{ type: 'upsert', collection: 'orders', row }] as const
    partner.execute({ type: 'write', operations }, () => {})
    if (bytes.chance(0.3)) fuzz.stranger(recorded)
    network.runFor(bytes.pick([1, 3, 20, 150, 1_000]))
    fuzz.look()
  }
  return fuzz.result()
}

/** The target, its honest neighbour, and what is looked at. */
class Fuzz {
  readonly network = new FuzzNetwork()
  readonly bytes: HostileBytes
  readonly target: FuzzPeer
  readonly targetId: PeerId
  messages = 0
  readonly #options: FuzzOptions
  readonly #honest: FuzzPeer
  readonly #violations = new Set<string>()
  #lookedAt = 0
  #lookCount = 0

  constructor(options: FuzzOptions) {
    this.#options = options
    this.bytes = new HostileBytes(options.seed)
    const { peer, engine } = this.addEngine('target', [])
    this.target = peer
    this.targetId = engine.peer
    this.#honest = this.addEngine('honest', ['target']).peer
    this.#checkHonest()
  }

  get isSound(): boolean {
    return this.#violations.size === 0
  }

  violated(what: string): void {
    this.#violations.add(`after ${this.messages} messages: ${what}`)
  }

  addEngine(name: string, dials: readonly string[]): { peer: FuzzPeer; engine: Engine } {
    const { cryptography, documents } = this.#options
    const flight = createFlightRecorder()
    const engine = new Engine({
      app,
      secret,
      identitySecretKey: this.bytes.exactly(32),
      epoch: 1,
      seed: this.bytes.exactly(32),
      name,
      platform: 'node',
      metadata: {},
      cryptography,
      documents,
      recorder: flight.recorder,
      linkKeyLifetime,
    })
    return { peer: this.network.add(name, engine, flight, dials), engine }
  }

  /** Opens a channel to the target and says a few things on it, without ever listening. */
  stranger(recorded: readonly Uint8Array[]): void {
    const send = this.network.openBlind(this.target)
    for (let rest = this.bytes.integer(0, 5); rest > 0; rest -= 1) {
      this.messages += 1
      const isReplay = recorded.length > 0 && this.bytes.chance(0.6)
      const message = isReplay ? this.bytes.pick(recorded) : this.bytes.bytes(1_000)
      send(this.bytes.chance(0.5) ? message : this.bytes.bend(message))
    }
  }

  /** Checks the bounds, and from time to time that honest edits still travel. */
  look(): void {
    const { gauges } = this.target.flight.snapshot()
    for (const [name, limit] of Object.entries(gaugeLimits)) {
      const value = gauges[name]
      if (value === undefined) this.violated(`there is no gauge ${name}`)
      else if (value > limit) this.violated(`${name} is ${value}, its limit ${limit}`)
    }
    if (this.target.outputsPerInput > outputsPerInputMax) {
      this.violated(`${this.target.outputsPerInput} outputs of one input`)
    }
    if (this.target.bytesPerInput > bytesPerInputMax) {
      this.violated(`${this.target.bytesPerInput} bytes sent for one input`)
    }
    if (this.messages - this.#lookedAt < messagesPerLook) return
    this.#lookedAt = this.messages
    this.#checkHonest()
  }

  result(): FuzzResult {
    if (this.isSound) this.#checkHonest()
    const { counters } = this.target.flight.snapshot()
    const grown = Object.entries(counters).filter(([, value]) => value > 0)
    const { outputsPerInput, bytesPerInput } = this.target
    return {
      messages: this.messages,
      violations: [...this.#violations],
      counters: Object.fromEntries(grown),
      outputsPerInput,
      bytesPerInput,
    }
  }

  /** A row written at one of the two is soon found at the other. */
  #checkHonest(): void {
    this.#lookCount += 1
    const [writer, reader] =
      this.#lookCount % 2 === 0 ? [this.target, this.#honest] : [this.#honest, this.target]
    const id = `h-${this.#lookCount}`
    const row = { _id: id, look: this.#lookCount }
    let written: CommandAnswer | undefined
    const operations = [{ type: 'insert', collection: 'orders', row }] as const
    writer.execute({ type: 'write', operations }, (answer) => (written = answer))
    let isThere = false
    let isAsking = false
    const arrived = this.network.runUntil(() => {
      if (!isThere && !isAsking) {
        isAsking = true
        reader.execute({ type: 'get', collection: 'orders', id }, (answer) => {
          isAsking = false
          isThere = answer.ok && answer.value !== undefined
        })
      }
      return isThere
    }, honestMsMax)
    if (arrived) return
    const state = written === undefined ? 'unanswered' : written.ok ? 'written' : 'refused'
    this.violated(`an edit from ${writer.name} to ${reader.name} does not arrive (${state})`)
  }
}
