/**
 * A member of the mesh that has gone bad: it has the secret and a genuine identity, shakes hands as
 * it should with the real layers 1 to 3, and then says whatever it is told to say.
 *
 * What it puts into frames of links and packets of connections goes past their codecs: the
 * cryptography of each layer swaps the next plaintext for a hostile one before it seals it.
 */

import { unreachable } from '../../engine/assert.ts'
import { Connections } from '../../engine/connection/connections.ts'
import type { EngineContext } from '../../engine/context.ts'
import type { Cryptography } from '../../engine/crypto/cryptography.ts'
import { SeededRandom } from '../../engine/crypto/random.ts'
import { Identity } from '../../engine/identity/identity.ts'
import type { PeerId } from '../../engine/identity/peer-id.ts'
import type { Input } from '../../engine/input.ts'
import { frameKindCodes } from '../../engine/link/frame.ts'
import type { MeshFrameKind, Priority } from '../../engine/link/link-port.ts'
import { Neighbourhood } from '../../engine/link/neighbourhood.ts'
import type { KeyLifetime } from '../../engine/noise/key-use.ts'
import { Mesh } from '../../engine/mesh/mesh.ts'
import type { Output } from '../../engine/output.ts'
import type { Recorder } from '../../recorder/recorder.ts'
import type { FuzzNode } from './fuzz-network.ts'

export interface HostileMemberOptions {
  readonly app: string
  readonly secret: Uint8Array
  readonly identitySecretKey: Uint8Array
  readonly seed: Uint8Array
  readonly cryptography: Cryptography
  readonly recorder: Recorder
}

/** The next key of a link follows after each frame: as much work for the other end as can be. */
const keyLifetime: KeyLifetime = { messages: 1, bytes: 1, ms: 1 }

/** See the file header. */
export class HostileMember implements FuzzNode {
  readonly identity: Identity
  /** Connections that have come up so far. */
  connectionCount = 0
  readonly #neighbourhood: Neighbourhood
  readonly #mesh: Mesh
  readonly #connections: Connections
  readonly #outputs: Output[] = []
  readonly #connected = new Set<PeerId>()
  readonly #linked = new Set<PeerId>()
  #helloPayload: Uint8Array | undefined
  #packetPlaintext: Uint8Array | undefined

  constructor(options: HostileMemberOptions) {
    const { app, secret, cryptography, recorder } = options
    const epoch = 1
    const context: EngineContext = {
      random: new SeededRandom(options.seed),
      cryptography,
      recorder,
    }
    const linkContext = { ...context, cryptography: this.#swapping(cryptography, 'hello') }
    const packetContext = { ...context, cryptography: this.#swapping(cryptography, 'packet') }
    const identity = new Identity(options.identitySecretKey, cryptography)
    this.identity = identity
    const linkOptions = { identity, app, secret, epoch, keyLifetime }
    this.#neighbourhood = new Neighbourhood(linkContext, linkOptions)
    const presence = { identity, epoch, name: 'mallory', platform: 'node', metadata: {} }
    this.#mesh = new Mesh(context, presence, this.#neighbourhood)
    const party = { identity, app, secret, epoch }
    this.#connections = new Connections(packetContext, party, this.#mesh)
  }

  isConnected(peer: PeerId): boolean {
    return this.#linked.has(peer) && this.#connected.has(peer)
  }

  /** Sends a frame of the mesh on the link to a neighbour. */
  sendFrame(to: PeerId, kind: MeshFrameKind, payload: Uint8Array, nowMs: number): void {
    this.#neighbourhood.send(to, kind, 'interactive', payload, nowMs)
  }

  /** The next hello on a link says this instead. */
  swapHello(payload: Uint8Array): void {
    this.#helloPayload = payload
  }

  /** Sends an authentic packet of a connection with these bytes where frames should be. */
  sendPacket(to: PeerId, plaintext: Uint8Array, nowMs: number): void {
    this.#packetPlaintext = plaintext
    this.sendDatagram(to, new Uint8Array(1), nowMs)
  }

  /** Ends the connection; another one follows at once. */
  disconnect(from: PeerId, nowMs: number): void {
    this.#connections.close(from, 'closed', nowMs)
  }

  sendMessage(to: PeerId, stream: Priority, message: Uint8Array, nowMs: number): boolean {
    return this.#connections.send(to, stream, message, nowMs) === 'accepted'
  }

  /** Opens a stream, in good order; its header leaves at once. */
  openStream(to: PeerId, protocol: string, priority: Priority, nowMs: number): boolean {
    const opened = this.#connections.streams.openStream(to, protocol, priority, nowMs)
    return typeof opened === 'number'
  }

  sendDatagram(to: PeerId, payload: Uint8Array, nowMs: number): void {
    this.#connections.sendDatagram(to, '', payload, nowMs)
  }

  handle(input: Input, nowMs: number): void {
    switch (input.type) {
      case 'transport-started':
        this.#neighbourhood.transportStarted(input.transport, input.capabilities, nowMs)
        this.#mesh.transportStarted(input.transport, input.capabilities, nowMs)
        break
      case 'address-found':
        this.#neighbourhood.addressFound(input.transport, input.address, nowMs)
        break
      case 'channel-opened':
        this.#neighbourhood.channelOpened(input, nowMs)
        break
      case 'channel-received':
        this.#neighbourhood.channelReceived(input.channel, input.bytes, nowMs)
        break
      case 'channel-drained':
        this.#neighbourhood.channelDrained(input.channel, input.drainedBytes, nowMs)
        break
      case 'channel-closed':
        this.#neighbourhood.channelClosed(input.channel, input.reason, nowMs)
        break
      case 'dial-failed':
        this.#neighbourhood.dialFailed(input.dial, input.reason, input.message, nowMs)
        break
      case 'deadline':
        this.#neighbourhood.handleDeadline(nowMs)
        this.#mesh.handleDeadline(nowMs)
        this.#connections.handleDeadline(nowMs)
        break
      default:
    }
    while (this.#passOne(nowMs));
  }

  poll(): Output | undefined {
    return this.#outputs.shift()
  }

  nextDeadlineMs(): number {
    return Math.min(
      this.#neighbourhood.nextDeadlineMs(),
      this.#mesh.nextDeadlineMs(),
      this.#connections.nextDeadlineMs(),
    )
  }

  #passOne(nowMs: number): boolean {
    const fromLinks = this.#neighbourhood.poll()
    if (fromLinks !== undefined) {
      switch (fromLinks.type) {
        case 'dial':
        case 'cancel-dial':
        case 'channel-send':
        case 'close-channel':
          this.#outputs.push(fromLinks)
          return true
        case 'link-up':
          this.#linked.add(fromLinks.link.peer)
          this.#mesh.linkUp(fromLinks.link, nowMs)
          this.#connections.open(fromLinks.link.peer, nowMs)
          return true
        case 'link-changed':
          this.#mesh.linkChanged(fromLinks.link, fromLinks.arePacketsGivenUp, nowMs)
          return true
        case 'link-down':
          this.#linked.delete(fromLinks.peer)
          this.#mesh.linkDown(fromLinks.peer, nowMs)
          return true
        case 'link-writable':
          this.#mesh.linkWritable(fromLinks.peer, nowMs)
          return true
        case 'frame':
          this.#mesh.frameReceived(fromLinks.peer, fromLinks.kind, fromLinks.payload, nowMs)
          return true
        case 'dial-given-up':
        case 'target-changed':
        case 'target-gone':
        case 'problem':
        case 'woke':
        case 'meeting-ended':
          return true
        default:
          return unreachable(fromLinks)
      }
    }
    const fromMesh = this.#mesh.poll()
    if (fromMesh !== undefined) {
      const { type } = fromMesh
      if (type === 'packet') {
        this.#connections.packetReceived(fromMesh.from, fromMesh.payload, fromMesh, nowMs)
      } else if (type === 'peer-reachable') this.#connections.peerReachable(fromMesh.peer, nowMs)
      else if (type === 'path-changed')
        this.#connections.pathChanged(fromMesh.peer, fromMesh.isFormerGone, nowMs)
      else if (type === 'peer-unreachable') this.#connections.peerUnreachable(fromMesh.peer, nowMs)
      else if (type === 'packets-writable') this.#connections.packetsWritable(nowMs)
      return true
    }
    const fromConnections = this.#connections.poll()
    if (fromConnections === undefined) return false
    if (fromConnections.type === 'connected') {
      this.connectionCount += 1
      this.#connected.add(fromConnections.peer)
    }
    if (fromConnections.type === 'disconnected') {
      this.#connected.delete(fromConnections.peer)
      if (this.#linked.has(fromConnections.peer))
        this.#connections.open(fromConnections.peer, nowMs)
    }
    return true
  }

  /** The cryptography, but for the next plaintext that is to be swapped. */
  #swapping(cryptography: Cryptography, what: 'hello' | 'packet'): Cryptography {
    return {
      x25519PublicKey: (secretKey) => cryptography.x25519PublicKey(secretKey),
      x25519SharedSecret: (...keys) => cryptography.x25519SharedSecret(...keys),
      ed25519PublicKey: (secretKey) => cryptography.ed25519PublicKey(secretKey),
      ed25519Sign: (...parts) => cryptography.ed25519Sign(...parts),
      ed25519Verify: (...parts) => cryptography.ed25519Verify(...parts),
      sha256: (message) => cryptography.sha256(message),
      hmacSha256: (...parts) => cryptography.hmacSha256(...parts),
      open: (...parts) => cryptography.open(...parts),
      seal: (key, nonce, additional, plaintext) => {
        const swapped =
          what === 'hello' ? this.#takeHello(additional) : this.#takePacket(additional)
        return cryptography.seal(key, nonce, additional, swapped ?? plaintext)
      },
    }
  }

  /** The header of a sealed frame begins with its kind (rule FR7). */
  #takeHello(additional: Uint8Array): Uint8Array | undefined {
    if (additional.length !== 1 || additional[0]! >>> 4 !== frameKindCodes.hello) return undefined
    const payload = this.#helloPayload
    this.#helloPayload = undefined
    return payload
  }

  /** In handshakes the additional data is a hash of 32 bytes, in protected packets a short header. */
  #takePacket(additional: Uint8Array): Uint8Array | undefined {
    if (additional.length >= 32) return undefined
    const plaintext = this.#packetPlaintext
    this.#packetPlaintext = undefined
    return plaintext
  }
}
