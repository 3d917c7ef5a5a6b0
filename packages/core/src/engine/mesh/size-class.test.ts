import { expect, test } from 'vitest'

import { nobleCryptography } from '../crypto/noble.ts'
import type { OutgoingFrame } from '../link/frame.ts'
import { FrameCipher } from '../link/frame-cipher.ts'
import { keyLifetime } from '../noise/key-use.ts'
import { FramePacker } from '../link/frame-packer.ts'
import { CipherState } from '../noise/cipher-state.ts'
import { linkSizeClass, packetBytesByClass } from './size-class.ts'

test('[RO13] a link has the class of its kind', () => {
  const classOf = (kind: 'lan' | 'wan' | 'relay' | 'bluetooth') =>
    linkSizeClass({ class: kind, metered: false })
  expect([classOf('lan'), classOf('wan'), classOf('relay'), classOf('bluetooth')]).toEqual([
    3, 2, 2, 1,
  ])
})

test('[RO13] the largest packet fits one message, sealed, with an acknowledgement beside it', () => {
  const key = () => new CipherState(new Uint8Array(32), nobleCryptography)
  const cipher = new FrameCipher()
  cipher.secure({ send: key(), receive: key() }, keyLifetime)
  const packer = new FramePacker(cipher)
  const largest = packetBytesByClass[3]
  const frame = (bytes: number): OutgoingFrame => {
    return { kind: 'packet', payload: new Uint8Array(bytes) }
  }
  const waiting = [[frame(64)], [], [], [frame(largest), frame(largest), frame(largest)]]
  const message = () => packer.pack(65_535, 3, (priority) => waiting[priority]!.shift())?.length
  expect(message()).toBe(2 + 64 + 16 + (4 + largest + 16))
  // What is left of a message is no reason to cut the next packet.
  expect([message(), message(), message()]).toEqual([4 + largest + 16, 4 + largest + 16, undefined])
})
