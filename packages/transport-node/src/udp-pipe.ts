/**
 * One channel over UDP as a pipe: messages, farewells, and what ends it (rules UD4 to UD6 of
 * docs/specs/udp.md). Which socket it sends by, and which datagrams are its own, its owner knows.
 */

import type { ChannelCloseReason } from '@fieldmesh/core/transport'
import { pipeMarks } from '@fieldmesh/core/transport-kit'
import type { Pipe, PipeEvents } from '@fieldmesh/core/transport-kit'
import { encodeTagged } from './udp-datagram.ts'

/** Pauses after which a farewell that was not answered is said again; after the last it is enough. */
const farewellPausesMs = [100, 200, 400, 800, 1600] as const

export interface UdpPipeOptions {
  /** What datagrams to this end carry, and those to the other. */
  readonly localTag: Uint8Array
  readonly remoteTag: Uint8Array
  /** Sends one datagram, in pieces; calls back when the system has it, or will not have it. */
  readonly send: (pieces: readonly Uint8Array[], sent: () => void) => void
  /** The pipe is over: nothing more is sent, and what comes for it is a stranger's. Called once. */
  readonly released: () => void
}

/** See the file header. */
export class UdpPipe implements Pipe {
  readonly localTag: Uint8Array
  readonly remoteTag: Uint8Array
  readonly #send: UdpPipeOptions['send']
  readonly #released: () => void
  readonly #messageHeader: Uint8Array
  #state: 'open' | 'closing' | 'over' = 'open'
  #events: PipeEvents | undefined
  #hasHeard = false
  #bufferedBytes = 0
  #awaitsDrain = false
  #farewellTimer: ReturnType<typeof setTimeout> | undefined

  constructor({ localTag, remoteTag, send, released }: UdpPipeOptions) {
    this.localTag = localTag
    this.remoteTag = remoteTag
    this.#send = send
    this.#released = released
    this.#messageHeader = encodeTagged('message', remoteTag)
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes
  }

  get full(): boolean {
    return this.#bufferedBytes >= pipeMarks.fullBytes
  }

  /** Whether a message has come. Until then the other end is a stranger. */
  get hasHeard(): boolean {
    return this.#hasHeard
  }

  listen(events: PipeEvents): void {
    this.#events = events
  }

  send(bytes: Uint8Array): void {
    this.#bufferedBytes += bytes.length
    this.#send([this.#messageHeader, bytes], () => {
      this.#bufferedBytes -= bytes.length
      if (!this.#awaitsDrain || this.#bufferedBytes > pipeMarks.drainedBytes) return
      this.#awaitsDrain = false
      if (this.#state === 'open') this.#events?.drained()
    })
  }

  awaitDrain(): void {
    this.#awaitsDrain = true
  }

  close(reason: ChannelCloseReason): void {
    if (this.#state !== 'open') return
    if (reason === 'local' || reason === 'transport-stopped') {
      this.#state = 'closing'
      this.#sayFarewell(0)
      return
    }
    // A farewell has been answered; whoever broke the rules has no claim to one.
    if (reason === 'protocol') this.#say('gone')
    this.#state = 'closing'
    queueMicrotask(() => {
      this.lost()
    })
  }

  destroy(): void {
    this.#end()
  }

  /** A message came for this pipe. The bytes are the pipe's. */
  receiveMessage(message: Uint8Array): void {
    this.#hasHeard = true
    if (this.#state === 'open') this.#events?.message(message)
  }

  /** The other end says goodbye. */
  receiveFarewell(): void {
    this.#say('gone')
    // Two farewells that crossed answer each other.
    if (this.#state === 'closing') this.lost()
    else this.#events?.farewell()
  }

  /** The other end knows no such channel (any more), or nobody is there. Called from the event loop. */
  lost(): void {
    if (this.#state === 'over') return
    this.#end()
    this.#events?.closed('lost')
  }

  #sayFarewell(count: number): void {
    this.#say('farewell')
    this.#farewellTimer = setTimeout(() => {
      if (count + 1 < farewellPausesMs.length) this.#sayFarewell(count + 1)
      else this.lost()
    }, farewellPausesMs[count])
  }

  #say(type: 'farewell' | 'gone'): void {
    this.#send([encodeTagged(type, this.remoteTag)], () => undefined)
  }

  #end(): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    clearTimeout(this.#farewellTimer)
    this.#released()
  }
}
