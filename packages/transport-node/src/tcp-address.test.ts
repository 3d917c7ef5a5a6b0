import { expect, test } from 'vitest'
import { formatTcpAddress, parseTcpAddress } from './tcp-address.ts'

test.each([
  ['tcp://127.0.0.1:4100', '127.0.0.1', 4100],
  ['tcp://hub.local:1', 'hub.local', 1],
  ['tcp://[::1]:65535', '::1', 65_535],
  ['tcp://[fe80::1%eth0]:80', 'fe80::1%eth0', 80],
])('%s is an address and is written so', (text, host, port) => {
  expect(parseTcpAddress(text)).toEqual({ host, port })
  expect(formatTcpAddress({ host, port })).toBe(text)
})

test.each([
  '',
  'hub:80',
  'ws://hub:80',
  'tcp://hub',
  'tcp://hub:0',
  'tcp://hub:65536',
  'tcp://:80',
  'tcp://::1:80',
  'tcp://hub:80/path',
  'tcp://us er:80',
])('%j is no address', (text) => {
  expect(parseTcpAddress(text)).toBeUndefined()
})
