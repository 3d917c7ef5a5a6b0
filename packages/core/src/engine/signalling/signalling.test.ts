import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createFlightRecorder } from '../../recorder/recorder.ts'
import type { MessagePort, MessageSendResult } from '../connection/message-port.ts'
import type { EngineContext } from '../context.ts'
import { nobleCryptography } from '../crypto/noble.ts'
import { SeededRandom } from '../crypto/random.ts'
import { encodePeerId } from '../identity/peer-id.ts'
import {
  decodeSignal,
  encodeSignal,
  Signalling,
  signalBytesMax,
  waitingPeersMax,
  waitingSignalAgeMsMax,
  waitingSignalsMax,
} from './signalling.ts'

const peer = encodePeerId(new Uint8Array(8).fill(1))
const signal = new Uint8Array([1, 2, 3])

/** Connections that answer as they are told, and remember what they took. */
class ScriptedMessages implements MessagePort {
  result: MessageSendResult = 'no-connection'
  readonly sent: Uint8Array[] = []

  send(_peer: unknown, _stream: unknown, message: Uint8Array): MessageSendResult {
    if (this.result === 'accepted') this.sent.push(message)
    return this.result
  }

  sendDatagram(): void {}
}

function makeSignalling() {
  const flight = createFlightRecorder()
  const context: EngineContext = {
    random: new SeededRandom(new Uint8Array(32)),
    cryptography: nobleCryptography,
    recorder: flight.recorder,
  }
  const messages = new ScriptedMessages()
  const counted = (name: string) => flight.snapshot().counters[`signalling.${name}`]
  return { messages, signalling: new Signalling(context, messages), counted }
}

test('[SG1] a signal survives its encoding', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z]{1,20}$/), fc.uint8Array(), (transport, bytes) => {
      expect(decodeSignal(encodeSignal(transport, bytes))).toEqual({ transport, signal: bytes })
    }),
  )
})

test('[SG2] no bytes at all make the decoder throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const decoded = decodeSignal(bytes)
      if (decoded) expect(encodeSignal(decoded.transport, decoded.signal)).toEqual(bytes)
    }),
  )
})

test('[SG3] a signal waits for its connection and leaves in order', () => {
  const { messages, signalling } = makeSignalling()
  signalling.send(peer, 'webrtc', new Uint8Array([1]), 0)
  signalling.send(peer, 'webrtc', new Uint8Array([2]), 1)
  messages.result = 'accepted'
  signalling.writable(peer, 2)
  expect(messages.sent.map((message) => decodeSignal(message)?.signal[0])).toEqual([1, 2])
})

test('[SG3] a signal that waited too long is dropped and counted', () => {
  const { messages, signalling, counted } = makeSignalling()
  signalling.send(peer, 'webrtc', signal, 0)
  messages.result = 'accepted'
  signalling.writable(peer, waitingSignalAgeMsMax)
  expect(messages.sent).toEqual([])
  expect(counted('signalsDropped')).toBe(1)
})

test('[SG4] waiting signals are bounded, for one peer and for all', () => {
  const { messages, signalling, counted } = makeSignalling()
  for (let index = 0; index <= waitingSignalsMax; index += 1) {
    signalling.send(peer, 'webrtc', signal, 0)
  }
  expect(counted('signalsDropped')).toBe(1)
  for (let index = 0; index < waitingPeersMax; index += 1) {
    signalling.send(encodePeerId(new Uint8Array(8).fill(index + 2)), 'webrtc', signal, 0)
  }
  expect(counted('signalsDropped')).toBe(2)
  messages.result = 'accepted'
  signalling.writable(peer, 1)
  expect(messages.sent).toHaveLength(waitingSignalsMax)
})

test('[SG4] a signal that is too large is dropped', () => {
  const { messages, signalling, counted } = makeSignalling()
  messages.result = 'accepted'
  signalling.send(peer, 'webrtc', new Uint8Array(signalBytesMax + 1), 0)
  expect(messages.sent).toEqual([])
  expect(counted('signalsDropped')).toBe(1)
})

test('[SG1] what arrives is handed to the transport by name, the rest is counted', () => {
  const { signalling, counted } = makeSignalling()
  signalling.messageReceived(peer, encodeSignal('webrtc', signal))
  signalling.messageReceived(peer, new Uint8Array([9, 9]))
  expect(signalling.poll()).toEqual({ type: 'signal-received', transport: 'webrtc', peer, signal })
  expect(signalling.poll()).toBeUndefined()
  expect(counted('signalsRefused')).toBe(1)
})
