/**
 * Discovery over the network of Linux: peers in processes and network namespaces of their own, joined
 * by virtual cables and bridges. Skipped where namespaces cannot be made.
 */

import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { makeAppTag } from './app-tag.ts'
import {
  addCable,
  addLans,
  addNamespace,
  canMakeNamespaces,
  children,
  ip,
  NamespacePeer,
  removeNamespaces,
} from './namespaces.test-setup.ts'
import type { Line } from './namespaces.test-setup.ts'

const folders: string[] = []
const hasAvahi = canMakeNamespaces('avahi-daemon', 'avahi-browse', 'avahi-publish', 'dbus-daemon')

afterEach(() => {
  removeNamespaces()
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

describe.runIf(canMakeNamespaces())('in network namespaces', () => {
  test.each(['mdns', 'multicast'] as const)(
    '[DS1, DS5] six peers on two LANs find each other by %s, and share through the one on both',
    async (kind) => {
      const discovery = { app: 'namespaces', kinds: [kind] }
      const peers = new Map(
        [...addLans({ 1: ['a', 'b', 'c'], 2: ['c', 'd', 'e', 'f'] }).byName].map(
          ([name, namespace]) => [
            name,
            new NamespacePeer(namespace, name, { listen: { port: 0 }, discovery }),
          ],
        ),
      )
      // Of each peer one address for each LAN that both are on.
      const counts = { a: 2, b: 2, c: 5, d: 3, e: 3, f: 3 }
      for (const [name, count] of Object.entries(counts)) {
        await peers.get(name)?.untilAddresses(count)
      }
      for (const peer of peers.values()) await peer.untilPeers(['a', 'b', 'c', 'd', 'e', 'f'])
      peers.get('a')?.say('from a')
      peers.get('f')?.say('from f')
      for (const peer of peers.values()) await peer.untilOrders(['from a', 'from f'])
      await peers.get('f')?.close()
      expect(await peers.get('e')?.untilAddresses(2)).toHaveLength(2)
      peers.delete('f')
      await Promise.all([...peers.values()].map((peer) => peer.close()))
    },
  )

  test.each([
    ['awdl0', 'awdl'],
    ['aware_data0', 'wifi-aware'],
  ])(
    '[DS1, DS5] %s appears with a link-local address alone, carries all, and vanishes',
    async (interfaceName, kind) => {
      const [a, b] = [addNamespace('a'), addNamespace('b')]
      const peers = [new NamespacePeer(a, 'a'), new NamespacePeer(b, 'b')] as const
      await Promise.all(peers.map((peer) => peer.started()))
      addCable(a, interfaceName, b, interfaceName)
      for (const peer of peers) {
        const [address] = await peer.untilAddresses(1)
        expect(address).toMatch(new RegExp(`^udp://\\[fe80::[0-9a-f:]+%${interfaceName}\\]:\\d+$`))
        await peer.untilPeers(['a', 'b'])
      }
      peers[0].say('by radio')
      await peers[1].untilOrders(['by radio'])
      peers[0].say('interfaces')
      const isShown = ({ interfaces }: Line) =>
        interfaces?.some((one) => one.name === interfaceName && one.kind === kind) === true
      await peers[0].until(kind, (lines) => lines.some(isShown))
      ip('-n', a, 'link', 'delete', interfaceName)
      for (const peer of peers) await peer.untilAddresses(0)
      await Promise.all(peers.map((peer) => peer.close()))
    },
  )

  describe.runIf(hasAvahi)('beside Avahi', () => {
    test('[DS9] Avahi sees the service of a peer, and a peer that of Avahi', async () => {
      const [a, b] = [addNamespace('a'), addNamespace('b')]
      addCable(a, 'eth0', b, 'eth0')
      ip('-n', a, 'address', 'add', '10.77.1.1/24', 'dev', 'eth0')
      ip('-n', b, 'address', 'add', '10.77.1.2/24', 'dev', 'eth0')
      const peer = new NamespacePeer(a, 'a', {
        listen: { port: 0 },
        discovery: { app: 'namespaces', kinds: ['mdns'] },
      })
      const { peer: id, port } = await peer.started()
      const run = await startAvahi(b)
      const seen = await run('avahi-browse', ['-rp', '_fieldmesh._udp'], /^=.*\n/m)
      expect(seen).toContain(`fieldmesh-${id};_fieldmesh._udp`)
      expect(seen).toContain(`;${port};`)
      expect(seen).toContain(`p=${id}`)
      const { salt, tag } = makeAppTag('namespaces')
      const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
      const txt = ['v=1', 'p=00000000000000b9', `s=${hex(salt)}`, `t=${hex(tag)}`]
      const service = ['-s', 'Some other peer', '_fieldmesh._udp', '4100', ...txt]
      await run('avahi-publish', service, /Established/)
      const [address] = await peer.untilAddresses(1)
      expect(address).toMatch(/^udp:\/\/(10\.77\.1\.2|\[fe80::[0-9a-f:]+%eth0\]):4100$/)
      await peer.close()
    })
  })
})

/**
 * Avahi with a bus of its own in a namespace. Returns what starts its tools, and gives what they have
 * said when that is as wanted, or they have ended; the end of the test ends them.
 */
async function startAvahi(namespace: string) {
  const folder = mkdtempSync(join(tmpdir(), 'fieldmesh-avahi-'))
  folders.push(folder)
  const bus = `unix:path=${folder}/bus`
  const busFile = join(folder, 'bus.conf')
  writeFileSync(
    busFile,
    `<busconfig><type>system</type><listen>${bus}</listen><policy context="default">
      <allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/>
    </policy></busconfig>`,
  )
  const avahiFile = join(folder, 'avahi.conf')
  writeFileSync(avahiFile, '[server]\nhost-name=beside\nallow-interfaces=eth0\n')
  // A root of its own for /run: the machine's Avahi, if there is one, is left alone.
  const inside = (command: string, args: readonly string[]) => {
    const child = spawn(
      'ip',
      [
        'netns',
        'exec',
        namespace,
        'unshare',
        '-m',
        'sh',
        '-c',
        'mount -t tmpfs none /run && mkdir -p /run/avahi-daemon && exec "$0" "$@"',
        command,
        ...args,
      ],
      { env: { ...process.env, DBUS_SYSTEM_BUS_ADDRESS: bus } },
    )
    children.add(child)
    return child
  }
  const run = async (command: string, args: readonly string[], wanted: RegExp): Promise<string> => {
    const child = inside(command, args)
    let output = ''
    await new Promise<void>((resolve) => {
      const take = (text: Buffer) => {
        output += text.toString()
        if (wanted.test(output)) resolve()
      }
      child.stdout.on('data', take)
      child.stderr.on('data', take)
      child.once('close', () => {
        resolve()
      })
    })
    return output
  }
  await run('dbus-daemon', [`--config-file=${busFile}`, '--nofork', '--print-address=1'], /unix:/)
  const avahi = ['-f', avahiFile, '--no-drop-root', '--no-chroot', '--no-rlimits']
  await run('avahi-daemon', avahi, /startup complete/)
  return run
}
