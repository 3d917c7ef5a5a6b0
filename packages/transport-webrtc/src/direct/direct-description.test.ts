import { expect, test } from 'vitest'
import { answerOf, credentialsOf, credentialsOfUfrag, midOf } from './direct-description.ts'

const fingerprint = Uint8Array.from([...Array(30).keys(), 255, 239])
const digits = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd/+8'

test('[DR4] credentials follow from the fingerprint, and are read from the ufrag', () => {
  const credentials = credentialsOf(fingerprint)
  expect(credentials).toEqual({ ufrag: `fieldmesh1/${digits}`, password: digits })
  // What ICE allows: 4 to 256 and 22 to 256 letters, digits, plus and slash.
  expect(credentials.ufrag).toMatch(/^[A-Za-z0-9+/]{4,256}$/)
  expect(credentials.password).toMatch(/^[A-Za-z0-9+/]{22,256}$/)
  expect(credentialsOfUfrag(credentials.ufrag)).toEqual(credentials)
  for (const ufrag of ['', 'abcd', digits, `fieldmesh2/${digits}`, `${credentials.ufrag}A`]) {
    expect(credentialsOfUfrag(ufrag)).toBe(undefined)
  }
  expect(credentialsOfUfrag(`fieldmesh1/${digits.slice(0, -1)}9`)).toBe(undefined)
})

test('[DR5] the answer says all that the address does', () => {
  const sdp = answerOf({ host: 'fd00::2', port: 8788, fingerprint }, 'data')
  expect(sdp.split('\r\n')).toEqual([
    'v=0',
    'o=- 1 1 IN IP4 0.0.0.0',
    's=-',
    't=0 0',
    'a=ice-lite',
    'a=group:BUNDLE data',
    'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
    'c=IN IP4 0.0.0.0',
    'a=mid:data',
    `a=ice-ufrag:fieldmesh1/${digits}`,
    `a=ice-pwd:${digits}`,
    'a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:FF:EF',
    'a=setup:passive',
    'a=sctp-port:5000',
    'a=max-message-size:65536',
    'a=candidate:1 1 udp 2130706431 fd00::2 8788 typ host',
    'a=end-of-candidates',
    '',
  ])
  expect(midOf(sdp)).toBe('data')
  expect(midOf('v=0\r\na=mid:0\r\n')).toBe('0')
  expect(midOf('v=0\r\n')).toBe(undefined)
})
