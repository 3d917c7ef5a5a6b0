import { expect, test } from 'vitest'
import { cookieWindowMs, UdpCookies } from './udp-cookies.ts'
import { cookieBytes, tagBytes } from './udp-datagram.ts'

const tag = Buffer.from('aabbccdd', 'hex')
const remote = '192.0.2.1 4100'

test('[UD2] a cookie is good in its window and the next one, and stands for one tag', () => {
  const cookies = new UdpCookies()
  const cookie = cookies.issue(remote, tag, cookieWindowMs / 2)
  expect(cookie).toHaveLength(cookieBytes)
  const localTag = cookies.check(remote, tag, cookie, cookieWindowMs - 1)
  expect(localTag).toEqual(cookie.subarray(cookieBytes - tagBytes))
  expect(cookies.check(remote, tag, cookie, 2 * cookieWindowMs - 1)).toEqual(localTag)
  expect(cookies.check(remote, tag, cookie, 2 * cookieWindowMs)).toBeUndefined()
})

test.each([
  ['another address', '192.0.2.2 4100', tag],
  ['another port', '192.0.2.1 4101', tag],
  ['another tag', remote, Buffer.from('aabbccde', 'hex')],
])('[UD2] a cookie is none for %s', (_what, otherRemote, otherTag) => {
  const cookies = new UdpCookies()
  const cookie = cookies.issue(remote, tag, 0)
  expect(cookies.check(otherRemote, otherTag, cookie, 0)).toBeUndefined()
})

test('[UD2] a cookie with any byte changed, or of another socket, is none', () => {
  const cookies = new UdpCookies()
  const cookie = cookies.issue(remote, tag, 0)
  for (let at = 0; at < cookieBytes; at += 1) {
    const changed = Buffer.from(cookie)
    changed[at] = (changed[at] ?? 0) ^ 1
    expect(cookies.check(remote, tag, changed, 0)).toBeUndefined()
  }
  expect(new UdpCookies().check(remote, tag, cookie, 0)).toBeUndefined()
})
