import { expect, test } from 'vitest'
import * as werift from 'werift'
import { credentialsOf } from './direct-description.ts'
import { makeCheck } from './raw-dialler.test-page.ts'
import { answerCheck } from './stun-check.ts'

const fingerprint = new Uint8Array(32).fill(7)
const { ufrag, password } = credentialsOf(fingerprint)
const from = { host: '192.168.1.9', port: 51_000 }

/** A request that is proven, whatever else it is. */
function request(
  attributes: readonly Parameters<werift.Message['setAttribute']>[],
  kind: werift.classes = werift.classes.REQUEST,
): Buffer {
  const message = new werift.Message(werift.methods.BINDING, kind)
  for (const [name, value] of attributes) message.setAttribute(name, value)
  return message.addMessageIntegrity(Buffer.from(password)).addFingerprint().bytes
}

test('[DR8] a check is answered with where it came from, proven, and no longer than it is', () => {
  for (const host of [from.host, 'fd00::9']) {
    const bytes = makeCheck('abcd', { fingerprint })
    const check = answerCheck(werift, bytes, { ...from, host })
    expect(check).toMatchObject({ credentials: { ufrag }, remoteUfrag: 'abcd' })
    const answer = Buffer.from(check?.answer ?? [])
    expect(answer.length).toBeLessThanOrEqual(bytes.length)
    const read = werift.parseMessage(answer, Buffer.from(password))
    expect(read?.messageClass).toBe(werift.classes.RESPONSE)
    expect(read?.transactionId.equals(bytes.subarray(8, 20))).toBe(true)
    expect(read?.getAttributeValue('XOR-MAPPED-ADDRESS')).toEqual([host, from.port])
    expect(read?.getAttributeValue('FINGERPRINT')).toBeTypeOf('number')
  }
})

test.each([
  ['with another password', makeCheck('abcd', { fingerprint, password: 'x'.repeat(43) })],
  ['from a ufrag that is too short', makeCheck('abc', { fingerprint })],
  ['from a ufrag of other characters', makeCheck('ab cd', { fingerprint })],
  ['without a user', request([])],
  ['for a user of another kind', request([['USERNAME', 'somebody:abcd']])],
  ['without a colon', request([['USERNAME', ufrag]])],
  ['that is an indication', request([['USERNAME', `${ufrag}:abcd`]], werift.classes.INDICATION)],
  ['that is an answer', request([['USERNAME', `${ufrag}:abcd`]], werift.classes.RESPONSE)],
  [
    'that is too long',
    request([
      ['USERNAME', `${ufrag}:abcd`],
      ['DATA', Buffer.alloc(1200)],
    ]),
  ],
  ['cut short', makeCheck('abcd', { fingerprint }).subarray(0, 60)],
  ['of nothing', Buffer.alloc(0)],
])('[DR8] a message %s is not answered', (_what, bytes) => {
  expect(answerCheck(werift, bytes, from)).toBe(undefined)
})

test('[DR8] a check without proof of the password is not answered', () => {
  const message = new werift.Message(werift.methods.BINDING, werift.classes.REQUEST)
  message.setAttribute('USERNAME', `${ufrag}:abcd`)
  expect(answerCheck(werift, message.addFingerprint().bytes, from)).toBe(undefined)
})
