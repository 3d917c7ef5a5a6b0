import { expect, test } from 'vitest'
import { distanceOfHost } from './network-distance.ts'

test.each([
  '127.0.0.1',
  '10.1.2.3',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.20',
  '169.254.7.7',
  '100.64.0.1',
  '::1',
  '[::1]',
  'fd12::1',
  'fe80::1%eth0',
  '::ffff:192.168.1.1',
  'localhost',
  'Hub.local',
])('%s is near', (host) => {
  expect(distanceOfHost(host)).toBe('lan')
})

test.each([
  '8.8.8.8',
  '172.32.0.1',
  '172.15.0.1',
  '100.128.0.1',
  '2001:db8::1',
  '::ffff:8.8.8.8',
  'fieldmesh.example',
  'local.example',
  'notlocal',
])('%s is far', (host) => {
  expect(distanceOfHost(host)).toBe('wan')
})
