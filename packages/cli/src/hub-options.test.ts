import { expect, test } from 'vitest'
import { parseHubOptions } from './hub-options.ts'

const secret = 'ab'.repeat(32)

test('an app and a secret are enough', () => {
  expect(parseHubOptions(['--app', 'cafe', '--secret', secret], {})).toEqual({
    app: 'cafe',
    secret,
    port: 8787,
    tcpPort: undefined,
    udpPort: undefined,
    directPort: undefined,
    certificatePath: 'fieldmesh-hub.sqlite.certificate.pem',
    host: '0.0.0.0',
    storePath: 'fieldmesh-hub.sqlite',
    name: 'hub',
    peers: [],
    isJson: false,
  })
})

test('the certificate lies beside the store, or where it is told to', () => {
  const parse = (...more: string[]) =>
    parseHubOptions(['--app', 'cafe', '--secret', secret, '--direct', '8788', ...more], {})
  expect(parse('--store', 'a/b.sqlite')).toMatchObject({
    directPort: 8788,
    certificatePath: 'a/b.sqlite.certificate.pem',
  })
  expect(parse('--certificate', 'c.pem')).toMatchObject({ certificatePath: 'c.pem' })
})

test('the secret may come from the environment', () => {
  expect(parseHubOptions(['--app', 'cafe'], { FIELDMESH_SECRET: secret })).toMatchObject({ secret })
})

test.each([
  [['--secret', secret], '--app is missing'],
  [['--app', 'cafe'], 'the secret is missing'],
  [['--app', 'cafe', '--secret', 'abc'], 'has 3 characters'],
  [['--app', 'cafe', '--secret', secret, '--port', '70000'], '--port 70000'],
  [['--app', 'cafe', '--secret', secret, '--tcp', ''], '--tcp'],
  [['--app', 'cafe', '--secret', secret, '--direct', 'x'], '--direct x'],
  [['--app', 'cafe', '--secret', secret, '--peer', 'http://x'], '--peer http://x'],
  [['--app', 'cafe', '--secret', secret, '--colour'], '--colour'],
])('%j is refused with the reason', (args, reason) => {
  expect(() => parseHubOptions(args, {})).toThrow(reason)
})

test('help needs nothing else', () => {
  expect(parseHubOptions(['--help'], {})).toBe('help')
})
