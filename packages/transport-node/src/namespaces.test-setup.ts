/**
 * Networks and peers for tests: network namespaces of Linux joined by virtual cables and bridges, and
 * a process in each. All of it goes when a test ends, and is bounded in count.
 */

import { execFileSync, spawn, spawnSync } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
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
/** Processes that end with the test. */
export const children = new Set<ChildProcessWithoutNullStreams>()

/** Whether this process may make namespaces, and the machine has these programs. */
export function canMakeNamespaces(...programs: readonly string[]): boolean {
  if (process.platform !== 'linux') return false
  if (spawnSync('ip', ['netns', 'add', `${prefix}-try`]).status !== 0) {
    process.stdout.write('skipped: network namespaces (ip netns add is not permitted here)\n')
    return false
  }
  ip('netns', 'delete', `${prefix}-try`)
  const missing = programs.filter(
    (name) => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0,
  )
  if (missing.length > 0)
    process.stdout.write(`skipped: no ${missing.join(', ')} on this machine\n`)
  return missing.length === 0
}

/** Ends what a test has begun; for its `afterEach`. */
export function removeNamespaces(): void {
  for (const child of children) child.kill('SIGKILL')
  children.clear()
  // With a namespace go its interfaces, and the other ends of its cables.
  for (const name of namespaces.splice(0)) ip('netns', 'delete', name)
}

/** Runs `ip`; throws when it fails. */
export function ip(...args: readonly string[]): void {
  execFileSync('ip', args)
}

/** A new namespace; returns its full name. */
export function addNamespace(name: string): string {
  if (namespaces.length >= namespacesMax) throw new Error('too many namespaces')
  const full = `${prefix}-${name}`
  ip('netns', 'add', full)
  namespaces.push(full)
  ip('-n', full, 'link', 'set', 'lo', 'up')
  return full
}

/** A cable between two namespaces, with the names that its ends have there; both are up. */
export function addCable(one: string, nameOfOne: string, other: string, nameOfOther: string): void {
  ip('-n', one, 'link', 'add', nameOfOne, 'type', 'veth', 'peer', nameOfOther, 'netns', other)
  ip('-n', one, 'link', 'set', nameOfOne, 'up')
  ip('-n', other, 'link', 'set', nameOfOther, 'up')
}

/** Bridged LANs, by number, and who is on each: `eth` and the number, `10.77.NUMBER.POSITION`. */
export function addLans(lans: Readonly<Record<number, readonly string[]>>): {
  /** The namespace of the bridges, `lan` and the number; their ports are called `NAME` and the number. */
  readonly switches: string
  readonly byName: ReadonlyMap<string, string>
} {
  const switches = addNamespace('lan')
  const byName = new Map<string, string>()
  for (const [lan, names] of Object.entries(lans)) {
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
  return { switches, byName }
}

/** What an interface sends leaves at that rate at most, with 50 ms of queue. */
export function limitRate(namespace: string, interfaceName: string, mbitPerSecond: number): void {
  const shape = ['tbf', 'rate', `${mbitPerSecond}mbit`, 'burst', '32kb', 'latency', '50ms']
  const tc = ['tc', 'qdisc', 'add', 'dev', interfaceName, 'root', ...shape]
  ip('netns', 'exec', namespace, ...tc)
}

/** The bridges of a namespace lose that part of all UDP datagrams, in percent. */
export function losePackets(namespace: string, percent: number): void {
  const rule = `meta l4proto udp numgen random mod 100 < ${percent} drop`
  const chain = `chain pass {\ntype filter hook forward priority 0\n${rule}\n}`
  execFileSync('ip', ['netns', 'exec', namespace, 'nft', '-f', '-'], {
    input: `table bridge lossy {\n${chain}\n}\n`,
  })
}

/** What a peer's process says. */
export interface Line {
  readonly peer?: string
  readonly port?: number
  readonly found?: string
  readonly lost?: string
  /** All peers in sight, itself included, and how many hops away. */
  readonly peers?: readonly string[]
  readonly hops?: Readonly<Record<string, number>>
  /** Those it has a link to. */
  readonly linked?: readonly string[]
  readonly orders?: readonly string[]
  /** Count of pings that were answered. */
  readonly answered?: number
  readonly interfaces?: readonly UsedInterface[]
  readonly closed?: true
}

/** A line, and when it came, by the clock of `performance.now()`. */
export type TimedLine = Line & { readonly atMs: number }

/** A peer in a namespace. */
export class NamespacePeer {
  readonly lines: TimedLine[] = []
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
      this.lines.push({ ...(JSON.parse(line) as Line), atMs: performance.now() })
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

  /** An order, see the program. */
  say(line: string): void {
    this.#child.stdin.write(`${line}\n`)
  }

  /** Until what it has said is as asked for. */
  async until(what: string, isSo: (lines: readonly TimedLine[]) => boolean): Promise<void> {
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

  /** Ends its process without a word. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }

  async close(): Promise<void> {
    this.#child.stdin.end()
    await this.until('the end', (lines) => lines.some(({ closed }) => closed === true))
  }
}

/** What was said last. */
export function lastOf<Value>(
  lines: readonly Line[],
  read: (line: Line) => Value | undefined,
): Value | undefined {
  return lines.map(read).findLast((value) => value !== undefined)
}
