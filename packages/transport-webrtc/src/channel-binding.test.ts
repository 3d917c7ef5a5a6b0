import { expect, test } from 'vitest'
import { bindingBytes, bindingOf } from './channel-binding.ts'

const [one, other] = ['0A'.repeat(32), 'f1'.repeat(32)]
const description = (...fingerprints: string[]) =>
  ['v=0', ...fingerprints.map((text) => `a=fingerprint:${text}`), ''].join('\r\n')
const sha256 = (hex: string) => `sha-256 ${hex.match(/../g)?.join(':') ?? ''}`

test('both ends make the same binding of the same two certificates', () => {
  const binding = bindingOf(description(sha256(one)), description(sha256(other)))
  expect(binding).toEqual(Uint8Array.from([...Array(32).fill(0x0a), ...Array(32).fill(0xf1)]))
  expect(binding).toHaveLength(bindingBytes)
  expect(bindingOf(description(sha256(other)), description(sha256(one)))).toEqual(binding)
})

test('one fingerprint said twice, or in other letters, is one', () => {
  const twice = description(sha256(one), sha256(one).toLowerCase())
  expect(bindingOf(twice, description(sha256(other)))).toBeDefined()
})

test.each([
  ['no fingerprint', description()],
  ['two fingerprints', description(sha256(one), sha256('33'.repeat(32)))],
  ['another hash', description('sha-1 0A:0B')],
  ['another hash besides', description(sha256(one), 'sha-1 0A:0B')],
  ['a fingerprint cut short', description(sha256(one.slice(2)))],
  ['a fingerprint that is no number', description(`sha-256 ${'zz:'.repeat(32)}`)],
])('%s makes no binding', (_what, sdp) => {
  expect(bindingOf(sdp, description(sha256(other)))).toBeUndefined()
  expect(bindingOf(description(sha256(other)), sdp)).toBeUndefined()
})
