import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { openMesh } from '@fieldmesh/core'
import { tcp } from '@fieldmesh/transport-node'
import { afterEach, describe, expect, test } from 'vitest'
import {
  addCable,
  addNamespace,
  canMakeNamespaces,
  removeNamespaces,
} from '../../../transport-node/src/namespaces.test-setup.ts'
import type { Check } from './check.ts'
import { parseDoctorOptions } from './doctor-options.ts'
import { checkClock, checkNode, checkStore } from './machine-checks.ts'
import { checkInterfaces } from './network-checks.ts'
import { checkPeer } from './peer-checks.ts'

const secret = 'ab'.repeat(32)

describe('the machine', () => {
  test.each([
    ['22.13.0', 'ok'],
    ['24.0.0', 'ok'],
    ['22.12.9', 'failed'],
    ['20.19.0', 'failed'],
  ])('with Node %s is %s', (version, status) => {
    expect(checkNode(version)).toMatchObject({ status })
  })

  test('with a clock before the project is told to set it', () => {
    expect(checkClock(0)).toMatchObject({ status: 'failed', code: 'clock-wrong' })
    expect(checkClock(Date.UTC(2026, 5, 1))).toMatchObject({ status: 'ok' })
  })

  test('keeps documents, and says where it cannot', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fieldmesh-doctor-test-'))
    try {
      expect(await checkStore(folder)).toMatchObject({ status: 'ok' })
    } finally {
      rmSync(folder, { recursive: true })
    }
    const failed = await checkStore(folder)
    expect(failed).toMatchObject({ status: 'failed' })
    expect(failed.message).toContain(folder)
  })

  test('has interfaces besides the loopback, or is told to join a network', () => {
    const loopback = { name: 'lo', kind: 'loopback' } as const
    expect(checkInterfaces([loopback])).toMatchObject({ status: 'warning' })
    const checked = checkInterfaces([loopback, { name: 'awdl0', kind: 'awdl' }])
    expect(checked).toMatchObject({ status: 'ok', message: 'awdl0 (awdl).' })
  })
})

describe('a peer', () => {
  const options = { app: 'cafe', secret, patienceMs: 60_000 }

  test('is reached, or the cause is named', async () => {
    const transport = tcp({ listen: { host: '127.0.0.1', port: 0 } })
    const mesh = await openMesh({ app: 'cafe', secret, name: 'till', transports: [transport] })
    const address = `tcp://127.0.0.1:${transport.listening?.port}`
    try {
      const reached = await checkPeer(address, options)
      expect(reached).toMatchObject({ name: address, status: 'ok' })
      expect(reached.message).toMatch(/^Reached till within \d+ ms\.$/)
      const stranger = { ...options, secret: 'cd'.repeat(32), patienceMs: 1_000 }
      expect(await checkPeer(address, stranger)).toMatchObject({
        status: 'failed',
        code: 'secret-mismatch',
        remedy: 'Give every peer of the mesh the same secret.',
      })
    } finally {
      await mesh.close()
    }
    expect(await checkPeer(address, { ...options, patienceMs: 1_000 })).toMatchObject({
      status: 'failed',
      code: 'unreachable',
    })
  })
})

describe('options', () => {
  test('need nothing, and with peers an app and a secret', () => {
    expect(parseDoctorOptions([], {})).toMatchObject({ peers: [], patienceMs: 5_000 })
    const args = ['--peer', 'tcp://10.0.0.1:1', '--app', 'cafe', '--seconds', '0.5']
    expect(parseDoctorOptions(args, { FIELDMESH_SECRET: secret })).toEqual({
      peers: ['tcp://10.0.0.1:1'],
      app: 'cafe',
      secret,
      patienceMs: 500,
      isJson: false,
    })
    expect(parseDoctorOptions(['--help'], {})).toBe('help')
  })

  test.each([
    [['--peer', 'http://x'], '--peer http://x'],
    [['--peer', 'ws://x'], '--peer needs --app'],
    [['--peer', 'ws://x', '--app', 'cafe'], '--peer needs FIELDMESH_SECRET'],
    [['--seconds', '0'], '--seconds 0'],
    [['--seconds', 'soon'], '--seconds soon'],
    [['--what'], '--what'],
  ])('%j: %s', (args, message) => {
    expect(() => parseDoctorOptions(args, {})).toThrow(message)
  })
})

describe.runIf(canMakeNamespaces())('in a network namespace', () => {
  afterEach(removeNamespaces)

  test('the command finds that two peers meet on an interface, by either kind of discovery', async () => {
    const [namespace, beyond] = [addNamespace('a'), addNamespace('b')]
    addCable(namespace, 'eth0', beyond, 'eth0')
    const main = join(import.meta.dirname, '..', 'main.ts')
    const node = [process.execPath, '--conditions=fieldmesh-source', main]
    const doctor = ['doctor', '--json', '--seconds', '60']
    const child = spawn('ip', ['netns', 'exec', namespace, ...node, ...doctor])
    const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])
    const checks = output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Check)
    expect(checks.map(({ name, status }) => `${name} ${status}`)).toEqual([
      'node ok',
      'clock ok',
      'store ok',
      'interfaces ok',
      'mdns ok',
      'multicast ok',
    ])
    expect(code).toBe(0)
  })
})
