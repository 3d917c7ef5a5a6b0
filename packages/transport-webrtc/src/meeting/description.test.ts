import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  candidatesMax,
  decodeDescription,
  descriptionBytesMax,
  encodeDescription,
} from './description.ts'
import type { CandidateKind, DescribedCandidate, Description } from './description.ts'
import {
  candidateLines,
  candidateLinesOf,
  describe as describeEnd,
  sessionDescription,
} from './session-description.ts'

interface Vectors {
  readonly descriptions: readonly (Omit<Description, 'fingerprint'> & {
    readonly fingerprint: string
    readonly bytes: string
  })[]
  readonly noDescriptions: readonly { readonly what: string; readonly bytes: string }[]
}

const file = new URL('../../../../docs/specs/vectors/invitation.json', import.meta.url)
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'hex'))
}

const ports = fc.integer({ min: 1, max: 65_535 })
const kinds = fc.constantFrom<CandidateKind>('host', 'srflx', 'relay')
const groups = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 })
const hosts = fc.oneof(
  fc.ipV4(),
  groups.map((each) => each.map((group) => group.toString(16)).join(':')),
  fc.uuid().map((uuid) => `${uuid}.local`),
)
const candidates: fc.Arbitrary<DescribedCandidate> = fc.record({
  kind: kinds,
  host: hosts,
  port: ports,
})
const descriptions: fc.Arbitrary<Description> = fc.record({
  fingerprint: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  ufrag: fc.stringMatching(/^[A-Za-z0-9+/]{4,32}$/),
  password: fc.stringMatching(/^[A-Za-z0-9+/]{22,64}$/),
  candidates: fc.array(candidates, { maxLength: candidatesMax }),
})

test('[IV7] [IV8] descriptions are laid out as specified', () => {
  expect(vectors.descriptions.length).toBeGreaterThan(0)
  for (const { bytes, fingerprint, ...rest } of vectors.descriptions) {
    const description = { ...rest, fingerprint: hex(fingerprint) }
    expect(Buffer.from(encodeDescription(description)).toString('hex')).toBe(bytes)
    expect(decodeDescription(hex(bytes))).toEqual(description)
  }
})

test('[IV5] bytes behind the fields of a description are ignored', () => {
  const [{ bytes } = { bytes: '' }] = vectors.descriptions
  expect(decodeDescription(hex(`${bytes}010203`))).toEqual(decodeDescription(hex(bytes)))
})

describe('[IV7] [IV8] what is no description:', () => {
  test.each(vectors.noDescriptions)('$what', ({ bytes }) => {
    expect(decodeDescription(hex(bytes))).toBeUndefined()
  })

  test('every beginning of one', () => {
    const bytes = hex(vectors.descriptions[0]?.bytes ?? '')
    for (let length = 0; length < bytes.length; length += 1) {
      expect(decodeDescription(bytes.subarray(0, length))).toBeUndefined()
    }
  })
})

test('[IV7] every description survives its bytes, and fits', () => {
  fc.assert(
    fc.property(descriptions, (description) => {
      const bytes = encodeDescription(description)
      expect(bytes.length).toBeLessThanOrEqual(descriptionBytesMax)
      expect(decodeDescription(bytes)).toEqual(description)
    }),
  )
})

test('[IV6] no bytes at all make the decoder throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
      decodeDescription(bytes)
      const beginning = Uint8Array.from([1, ...bytes])
      const decoded = decodeDescription(beginning)
      if (decoded) expect(decodeDescription(encodeDescription(decoded))).toEqual(decoded)
    }),
  )
})

test('[IV9] a description survives the session description that is made of it', () => {
  fc.assert(
    fc.property(descriptions, (description) => {
      const sdp = sessionDescription('offer', description)
      const again = describeEnd(sdp, candidateLines(description))
      // Its own end tells hosts first, and not more than four others.
      const hostsOf = (each?: Description) => each?.candidates.filter(({ kind }) => kind === 'host')
      expect(again).toMatchObject({ ...description, candidates: expect.anything() as unknown })
      expect(hostsOf(again)).toEqual(hostsOf(description))
    }),
  )
})

/** As Chromium writes it; of its TCP candidates, and of a zone, nothing is told. */
const ofChromium = `v=0
a=candidate:1 1 udp 2122194687 192.0.2.2 51006 typ host generation 0 network-id 3 network-cost 50
a=candidate:2 1 udp 2122267903 fd00::2 60303 typ host generation 0 network-id 4
a=candidate:3 1 tcp 1518214911 192.0.2.2 9 typ host tcptype active generation 0
a=candidate:4 1 udp 1685987071 198.51.100.7 51006 typ srflx raddr 0.0.0.0 rport 0
a=candidate:5 1 udp 2122267901 fe80::1%eth0 1 typ host
a=ice-ufrag:e7w2
a=ice-pwd:Av1zCk//TwSZib97T0EQ2jnl
a=fingerprint:sha-256 ${Array.from({ length: 32 }, () => 'A5').join(':')}
a=setup:actpass
`

test('[IV8] an end is described by its UDP candidates, best first', () => {
  const lines = candidateLinesOf(ofChromium)
  expect(lines).toHaveLength(5)
  expect(describeEnd(ofChromium, lines)).toEqual({
    fingerprint: new Uint8Array(32).fill(0xa5),
    ufrag: 'e7w2',
    password: 'Av1zCk//TwSZib97T0EQ2jnl',
    candidates: [
      { kind: 'host', host: 'fd00::2', port: 60_303 },
      { kind: 'host', host: '192.0.2.2', port: 51_006 },
      { kind: 'srflx', host: '198.51.100.7', port: 51_006 },
    ],
  })
})

test('[IV8] of many candidates ten are told, with room for those from afar', () => {
  const lines = Array.from({ length: 40 }, (_, index) => {
    const kind = index < 30 ? 'host' : 'srflx raddr 0.0.0.0 rport 0'
    return `candidate:${index} 1 udp ${1000 - index} 192.0.2.${index} 7 typ ${kind}`
  })
  const told = describeEnd(ofChromium, lines)?.candidates ?? []
  expect(told.map(({ host }) => host)).toEqual(
    [0, 1, 2, 3, 4, 5, 30, 31, 32, 33].map((index) => `192.0.2.${index}`),
  )
})

test('[IV7] without an ICE password, or with another hash, nothing is described', () => {
  expect(describeEnd(ofChromium.replace('a=ice-pwd', 'a=x'), [])).toBeUndefined()
  expect(describeEnd(ofChromium.replace('sha-256', 'sha-1'), [])).toBeUndefined()
})

test('[IV9] whoever invites begins DTLS, whoever answers waits', () => {
  const [{ fingerprint, ...rest }] = vectors.descriptions as [Vectors['descriptions'][0]]
  const description = { ...rest, fingerprint: hex(fingerprint) }
  expect(sessionDescription('offer', description)).toContain('\r\na=setup:active\r\n')
  expect(sessionDescription('answer', description)).toContain('\r\na=setup:passive\r\n')
})
