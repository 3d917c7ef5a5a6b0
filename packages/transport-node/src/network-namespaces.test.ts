/**
 * Discovery and channels over the network of Linux: peers in processes and network namespaces of their
 * own, joined by virtual cables and bridges. Skipped where namespaces cannot be made.
 */

import { execFileSync, spawn, spawnSync } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, describe, expect, test } from 'vitest'
import { makeAppTag } from './app-tag.ts'
import type { UdpOptions, UsedInterface } from './index.ts'

/** Namespaces of one test, at most. */
const namespacesMax = 8
/** How long something may take that should happen soon, on a machine that is busy. */
const patienceMs = 60_000

const program = join(import.meta.dirname, 'namespace-peer.test-process.ts')
const everywhere: UdpOptions = { listen: { port: 0 }, discovery: { app: 'namespaces' } }

/** Namespaces are told from those of other runs by the process that made them. */
const prefix = `fm${process.pid}`
const namespaces: string[] = []
const children = new Set<ChildProcessWithoutNullStreams>()
const folders: string[] = []

const canMakeNamespaces = (() => {
  if (process.platform !== 'linux') return false
  const made = spawnSync('ip', ['netns', 'add', `${prefix}-try`])
  if (made.status !== 0) return false
  return spawnSync('ip', ['netns', 'delete', `${prefix}-try`]).status === 0
})()
const hasAvahi = ['avahi-daemon', 'avahi-browse', 'avahi-publish', 'dbus-daemon'].every(
  (name) => spawnSync('sh', ['-c', `command -v ${name}`]).status === 0,
)

if (!canMakeNamespaces) {
  process.stdout.write('skipped: network namespaces (ip netns add is not permitted here)\n')
} else if (!hasAvahi) process.stdout.write('skipped: Avahi (avahi-daemon, avahi-utils, dbus)\n')

afterEach(() => {
  for (const child of children) child.kill('SIGKILL')
  children.clear()
  // With a namespace go its interfaces, and the other ends of its cables.
  for (const name of namespaces.splice(0)) ip('netns', 'delete', name)
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

function ip(...args: readonly string[]): void {
  execFileSync('ip', args)
}

function addNamespace(name: string): string {
  if (namespaces.length >= namespacesMax) throw new Error('too many namespaces')
  const full = `${prefix}-${name}`
  ip('netns', 'add', full)
  namespaces.push(full)
  ip('-n', full, 'link', 'set', 'lo', 'up')
  return full
}

/** A cable between two namespaces, with the names that its ends have there; both are up. */
function addCable(one: string, nameOfOne: string, other: string, nameOfOther: string): void {
  ip('-n', one, 'link', 'add', nameOfOne, 'type', 'veth', 'peer', nameOfOther, 'netns', other)
  ip('-n', one, 'link', 'set', nameOfOne, 'up')
  ip('-n', other, 'link', 'set', nameOfOther, 'up')
}

interface Line {
  readonly peer?: string
  readonly port?: number
  readonly found?: string
  readonly lost?: string
  readonly peers?: readonly string[]
  readonly orders?: readonly string[]
  readonly interfaces?: readonly UsedInterface[]
  readonly closed?: true
}

/** A peer in a namespace. */
class NamespacePeer {
  readonly lines: Line[] = []
  readonly #child: ChildProcessWithoutNullStreams
  readonly #waiting = new Set<() => void>()
  #errors = ''

  constructor(namespace: string, name: string, options: UdpOptions = everywhere) {
    const node = [process.execPath, '--conditions=fieldmesh-source', program]
    const args = ['netns', 'exec', namespace, ...node, name, JSON.stringify(options)]
    this.#child = spawn('ip', args)
    children.add(this.#child)
    this.#child.stderr.on('data', (text: Buffer) => {
      this.#errors += text.toString()
    })
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      this.lines.push(JSON.parse(line) as Line)
      for (const look of this.#waiting) look()
    })
  }

  /** The addresses that are found and not lost again. */
  get addresses(): readonly string[] {
    const addresses = new Set<string>()
    for (const { found, lost } of this.lines) {
      if (found !== undefined) addresses.add(found)
      if (lost !== undefined) addresses.delete(lost)
    }
    return [...addresses].toSorted()
  }

  /** Writes a document. */
  say(line: string): void {
    this.#child.stdin.write(`${line}\n`)
  }

  /** Until what it has said is as asked for. */
  async until(what: string, isSo: (lines: readonly Line[]) => boolean): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const end = () => {
        clearTimeout(timer)
        this.#waiting.delete(look)
      }
      const look = () => {
        if (!isSo(this.lines)) return
        end()
        resolve()
      }
      const timer = setTimeout(() => {
        end()
        const said = this.lines.slice(-8).map((line) => JSON.stringify(line))
        reject(new Error(`in vain for ${what}; it said ${said.join(' ')} ${this.#errors}`))
      }, patienceMs)
      this.#waiting.add(look)
      look()
    })
  }

  async untilAddresses(count: number): Promise<readonly string[]> {
    await this.until(`${count} addresses`, () => this.addresses.length === count)
    return this.addresses
  }

  async untilPeers(names: readonly string[]): Promise<void> {
    const wanted = names.join()
    await this.until(wanted, (lines) => lastOf(lines, ({ peers }) => peers)?.join() === wanted)
  }

  async untilOrders(ids: readonly string[]): Promise<void> {
    const wanted = ids.join()
    await this.until(wanted, (lines) => lastOf(lines, ({ orders }) => orders)?.join() === wanted)
  }

  /** What it said when it had started. */
  async started(): Promise<Line> {
    await this.until('a start', (lines) => lines.some(({ peer }) => peer !== undefined))
    return this.lines.find(({ peer }) => peer !== undefined) as Line
  }

  async close(): Promise<void> {
    this.#child.stdin.end()
    await this.until('the end', (lines) => lines.some(({ closed }) => closed === true))
  }
}

function lastOf<Value>(
  lines: readonly Line[],
  read: (line: Line) => Value | undefined,
): Value | undefined {
  return lines.map(read).findLast((value) => value !== undefined)
}

/** Two bridged LANs: a, b, c on the one; c, d, e, f on the other. */
function addTwoLans(): ReadonlyMap<string, string> {
  const switches = addNamespace('lan')
  const byName = new Map<string, string>()
  for (const [lan, names] of [
    [1, ['a', 'b', 'c']],
    [2, ['c', 'd', 'e', 'f']],
  ] as const) {
    ip('-n', switches, 'link', 'add', `lan${lan}`, 'type', 'bridge')
    ip('-n', switches, 'link', 'set', `lan${lan}`, 'up')
    for (const [position, name] of names.entries()) {
      const namespace = byName.get(name) ?? addNamespace(name)
      byName.set(name, namespace)
      addCable(namespace, `eth${lan}`, switches, `${name}${lan}`)
      ip('-n', switches, 'link', 'set', `${name}${lan}`, 'master', `lan${lan}`)
      const address = `10.77.${lan}.${position + 1}/24`
      ip('-n', namespace, 'address', 'add', address, 'dev', `eth${lan}`)
    }
  }
  return byName
}

describe.runIf(canMakeNamespaces)('in network namespaces', () => {
  test.each(['mdns', 'multicast'] as const)(
    '[DS1, DS5] six peers on two LANs find each other by %s, and share through the one on both',
    async (kind) => {
      const discovery = { app: 'namespaces', kinds: [kind] }
      const peers = new Map(
        [...addTwoLans()].map(([name, namespace]) => [
          name,
          new NamespacePeer(namespace, name, { listen: { port: 0 }, discovery }),
        ]),
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
