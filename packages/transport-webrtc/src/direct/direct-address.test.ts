import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatDirectAddress, parseDirectAddress } from './direct-address.ts'

const digits = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd_-8'
const fingerprint = Uint8Array.from([...Array(30).keys(), 255, 239])

test('[DR1] an address has host, port and fingerprint', () => {
  const text = `webrtc-direct://192.168.1.20:8788/${digits}`
  expect(parseDirectAddress(text)).toEqual({ host: '192.168.1.20', port: 8788, fingerprint })
  expect(parseDirectAddress(`  WebRTC-Direct://192.168.1.20:8788/${digits}\n`)).toEqual(
    parseDirectAddress(text),
  )
  expect(parseDirectAddress(`webrtc-direct://[fd00::2]:1/${digits}`)).toMatchObject({
    host: 'fd00::2',
    port: 1,
  })
})

test.each([
  ['ws://192.168.1.20:8788', 'scheme'],
  [`webrtc-direct:192.168.1.20:8788/${digits}`, 'scheme'],
  ['', 'scheme'],
  ['webrtc-direct://', 'host'],
  [`webrtc-direct://hub.local:8788/${digits}`, 'host'],
  [`webrtc-direct://192.168.1:8788/${digits}`, 'host'],
  [`webrtc-direct://192.168.1.256:8788/${digits}`, 'host'],
  [`webrtc-direct://192.168.01.2:8788/${digits}`, 'host'],
  [`webrtc-direct://fd00::2:8788/${digits}`, 'host'],
  [`webrtc-direct://[fe80::1%25eth0]:8788/${digits}`, 'host'],
  [`webrtc-direct://[fe80::1%eth0]:8788/${digits}`, 'host'],
  [`webrtc-direct://[fd00::2::3]:8788/${digits}`, 'host'],
  [`webrtc-direct://user@192.168.1.2:8788/${digits}`, 'host'],
  [`webrtc-direct://192.168.1.2/${digits}`, 'port'],
  [`webrtc-direct://192.168.1.2:0/${digits}`, 'port'],
  [`webrtc-direct://192.168.1.2:65536/${digits}`, 'port'],
  [`webrtc-direct://192.168.1.2:+80/${digits}`, 'port'],
  ['webrtc-direct://192.168.1.2:80', 'fingerprint'],
  [`webrtc-direct://192.168.1.2:80/${digits}=`, 'fingerprint'],
  [`webrtc-direct://192.168.1.2:80/${digits.slice(1)}`, 'fingerprint'],
  [`webrtc-direct://192.168.1.2:80/${digits.slice(0, -1)}9`, 'fingerprint'],
  [`webrtc-direct://192.168.1.2:80/${digits}?x`, 'fingerprint'],
  [`webrtc-direct://192.168.1.2:80/${digits}/`, 'fingerprint'],
])('[DR2] %s is no address: its %s', (text, fault) => {
  expect(parseDirectAddress(text)).toBe(fault)
})

test('[DR1, DR2] no text is too much for it', () => {
  const start = `webrtc-direct://192.168.1.2:80/${digits}`
  expect(parseDirectAddress(`${start}${' '.repeat(60)}`)).toMatchObject({ port: 80 })
  expect(parseDirectAddress(start.padEnd(1_000_000, ' '))).toBe('scheme')
  fc.assert(
    fc.property(fc.string({ maxLength: 200, unit: 'binary' }), (text) => {
      expect(parseDirectAddress(text)).toBeTypeOf('string')
      parseDirectAddress(`webrtc-direct://${text}`)
    }),
  )
})

test('[DR3] what is written is read, and what reads the same is written the same', () => {
  const hosts = fc.oneof(fc.ipV4(), fc.ipV6())
  fc.assert(
    fc.property(
      hosts,
      fc.integer({ min: 1, max: 65_535 }),
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      (host, port, bytes) => {
        const read = parseDirectAddress(formatDirectAddress({ host, port, fingerprint: bytes }))
        expect(read).toMatchObject({ port, fingerprint: bytes })
        const written = formatDirectAddress(read as Exclude<typeof read, string>)
        expect(parseDirectAddress(written)).toEqual(read)
        expect(written.length).toBeLessThanOrEqual(128)
      },
    ),
  )
  const long = parseDirectAddress(`webrtc-direct://[FD00:0:0::0002]:0080/${digits}`)
  expect(formatDirectAddress(long as Exclude<typeof long, string>)).toBe(
    `webrtc-direct://[fd00::2]:80/${digits}`,
  )
})
