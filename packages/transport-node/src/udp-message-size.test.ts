import { expect, test } from 'vitest'
import { messageBytesMax, messageBytesOfMtu } from './udp-message-size.ts'

test.each([
  ['Ethernet', 1500, 1447],
  ['jumbo frames', 9000, messageBytesMax],
  ['the loopback of Linux', 65_536, messageBytesMax],
  ['a tunnel', 1420, 1367],
  ['less than IPv6 allows', 576, 1227],
  ['what is not known', undefined, 1447],
])('[UD8] the longest message on %s is one packet', (_what, mtuBytes, messageBytes) => {
  expect(messageBytesOfMtu(mtuBytes)).toBe(messageBytes)
})
