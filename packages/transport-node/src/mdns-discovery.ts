/**
 * Discovery by multicast DNS and DNS-SD on one interface (rules DS9 to DS11 of docs/specs/discovery.md):
 * answers for this peer's service, and asks for those of others. The system's own mDNS (Avahi,
 * Bonjour) may listen beside it.
 */

import { decode, encode } from 'dns-packet'
import type { Answer, DecodedPacket, Packet, Question } from 'dns-packet'
import type { DiscoveryAgent, DiscoveryAgentOptions } from './discovery-agent.ts'
import { MdnsCache } from './mdns-cache.ts'
import { recordsOf, serviceName } from './mdns-records.ts'
import type { MulticastGroup, MulticastPort, MulticastSender } from './multicast-port.ts'
import { formatUdpAddress } from './udp-address.ts'

const mdnsPort = 5353

/** The groups of multicast DNS (RFC 6762, section 3). */
export const mdnsGroups: readonly MulticastGroup[] = [
  { family: 4, address: '224.0.0.251', port: mdnsPort },
  { family: 6, address: 'ff02::fb', port: mdnsPort },
]

/** When an agent begins: announcements (RFC 6762, section 8.3: two to eight, each pause doubled). */
const announcePausesMs = [1_000, 2_000, 4_000] as const
/** Pauses between questions: the first, and the longest, to which they double (section 5.2). */
const askMs = 1_000
const askMsMax = 3_600_000
/** Between two questions for something that is missing or about to run out. */
const askAgainMs = 2_000
/** Answers wait for that long, and up to as much again and more, for others that ask the same (section 6). */
const answerMs = 20
const answerMsMax = 120
/** A record is sent at most so often to the group (section 6). */
const answersApartMs = 1_000
/** Seconds for which who asks from another port may keep an answer (section 6.7). */
const legacyTtlS = 10
/** What a question for an answer to oneself alone has as its class, as the library reads it (section 5.4). */
const unicastClass = 'UNKNOWN_32769'

/** Begins; rejects when the interface carries neither group. */
export async function startMdnsDiscovery(options: DiscoveryAgentOptions): Promise<DiscoveryAgent> {
  const agent = new MdnsDiscovery(options)
  await agent.begin()
  return agent
}

class MdnsDiscovery implements DiscoveryAgent {
  readonly #options: DiscoveryAgentOptions
  readonly #cache: MdnsCache
  #ports: readonly MulticastPort[] = []
  #cancelAnnouncement: () => void = () => undefined
  #cancelAsking: () => void = () => undefined
  #cancelRefresh: () => void = () => undefined
  #cancelAnswer: (() => void) | undefined
  #announcedAtMs = Number.NEGATIVE_INFINITY
  #isStopped = false

  constructor(options: DiscoveryAgentOptions) {
    this.#options = options
    this.#cache = new MdnsCache(options.service.app, options.networkInterface)
  }

  async begin(): Promise<void> {
    const { openPort, networkInterface } = this.#options
    const families = new Set(networkInterface.addresses.map(({ family }) => family))
    const openings = await Promise.allSettled(
      mdnsGroups
        .filter(({ family }) => families.has(family))
        .map((group) =>
          openPort({
            group,
            networkInterface,
            received: (bytes, sender) => {
              this.#receive(bytes, sender, group)
            },
          }),
        ),
    )
    this.#ports = openings.flatMap((opening) =>
      opening.status === 'fulfilled' ? [opening.value] : [],
    )
    const failed = openings.find((opening) => opening.status === 'rejected')
    if (this.#ports.length === 0) throw failed?.reason ?? new Error('no address')
    this.#announceAgain(0)
    this.#ask(askMs)
  }

  announce(): void {
    this.#announceAgain(0)
  }

  async stop(): Promise<void> {
    // What is sent comes back to its sender: nothing is made of it any more.
    this.#isStopped = true
    for (const cancel of [this.#cancelAnnouncement, this.#cancelAsking, this.#cancelRefresh]) {
      cancel()
    }
    this.#cancelAnswer?.()
    const goodbyes = this.#records().map((record) => ({ ...record, ttl: 0 }))
    // The type of the service may be offered by others.
    if (goodbyes.length > 0) this.#respond(goodbyes.slice(1))
    await Promise.all(this.#ports.map((port) => port.close()))
  }

  #records(): readonly Answer[] {
    const { service, networkInterface } = this.#options
    return recordsOf(service, networkInterface)
  }

  #announceAgain(count: number): void {
    this.#cancelAnnouncement()
    this.#sendAnswer()
    const pauseMs = announcePausesMs[count]
    if (pauseMs === undefined) return
    this.#cancelAnnouncement = this.#options.clock.after(pauseMs, () => {
      this.#announceAgain(count + 1)
    })
  }

  /** Asks who is there, less and less often. */
  #ask(pauseMs: number): void {
    const { clock } = this.#options
    const answers = [...this.#cache.knownPointers(clock.nowMs())]
    this.#send({ type: 'query', questions: [{ type: 'PTR', name: serviceName }], answers })
    this.#cancelAsking = clock.after(pauseMs, () => {
      this.#ask(Math.min(2 * pauseMs, askMsMax))
    })
  }

  #receive(bytes: Uint8Array, sender: MulticastSender, group: MulticastGroup): void {
    if (this.#isStopped) return
    let packet: DecodedPacket
    try {
      packet = decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
    } catch {
      this.#options.malformed()
      return
    }
    if (!packet.flag_qr) this.#receiveQuery(packet, sender, group)
    // What comes from another port is not of multicast DNS (section 6).
    else if (sender.port === mdnsPort) this.#receiveResponse(packet, sender)
  }

  #receiveQuery(packet: DecodedPacket, sender: MulticastSender, group: MulticastGroup): void {
    const records = this.#records()
    const { questions = [], answers: known = [] } = packet
    const asked = records.filter(
      (record) =>
        questions.some((question) => isAnswer(record, question)) && !isKnown(record, known),
    )
    if (asked.length === 0) return
    if (sender.port === mdnsPort) {
      this.#answerSoon()
      return
    }
    const answers = asked.map((record) => ({ ...record, ttl: legacyTtlS, flush: false }) as Answer)
    const plain = questions.filter((question) => asked.some((record) => isAnswer(record, question)))
    const answer = { type: 'response', questions: plain, answers } as const
    const port = this.#ports.find((open) => open.group === group)
    port?.send(encode({ ...answer, id: packet.id ?? 0, flags: authoritativeAnswer }), sender)
  }

  #receiveResponse(packet: DecodedPacket, sender: MulticastSender): void {
    const { clock, lost, seen, service } = this.#options
    const nowMs = clock.nowMs()
    const { answers = [], additionals = [] } = packet
    for (const peer of this.#cache.take([...answers, ...additionals], nowMs)) lost('mdns', peer)
    for (const { peer, hosts, port, untilMs } of this.#cache.peers(nowMs)) {
      if (peer === service.peer) continue
      const addresses = hosts.map((host) => formatUdpAddress({ host, port }))
      seen({ peer, kind: 'mdns', sender: sender.host, addresses, lifetimeMs: untilMs - nowMs })
    }
    this.#refreshLater()
  }

  /** Asks for what is missing or about to run out, when it is time. */
  #refreshLater(): void {
    const { clock } = this.#options
    const nowMs = clock.nowMs()
    const isWanting = this.#cache.questions(nowMs).length > 0
    const delayMs = isWanting ? askAgainMs : this.#cache.nextRefreshMs() - nowMs
    this.#cancelRefresh()
    if (!Number.isFinite(delayMs)) return
    this.#cancelRefresh = clock.after(Math.max(askAgainMs, delayMs), () => {
      const questions = [...this.#cache.questions(clock.nowMs())]
      if (questions.length > 0) this.#send({ type: 'query', questions })
      this.#refreshLater()
    })
  }

  #answerSoon(): void {
    if (this.#cancelAnswer) return
    const { clock, random } = this.#options
    const sinceMs = clock.nowMs() - this.#announcedAtMs
    const delayMs = answerMs + random() * (answerMsMax - answerMs)
    this.#cancelAnswer = clock.after(Math.max(delayMs, answersApartMs - sinceMs), () => {
      this.#cancelAnswer = undefined
      this.#sendAnswer()
    })
  }

  /** All records at once: they fit one packet, and who has asked for one wants the others. */
  #sendAnswer(): void {
    const records = this.#records()
    this.#announcedAtMs = this.#options.clock.nowMs()
    if (records.length > 0) this.#respond(records)
  }

  #respond(records: readonly Answer[]): void {
    this.#send({ type: 'response', flags: authoritativeAnswer, answers: [...records] })
  }

  #send(packet: Packet): void {
    for (const port of this.#ports) port.send(encode(packet))
  }
}

/** The bit that every response of multicast DNS has (section 18.4). */
const authoritativeAnswer = 1 << 10

function isAnswer(record: Answer, { name, type, class: questionClass = 'IN' }: Question): boolean {
  const isClass = ['IN', 'ANY', unicastClass].includes(questionClass)
  const isType = type === record.type || (type as string) === 'ANY'
  return isClass && isType && name.toLowerCase() === record.name.toLowerCase()
}

/** Whether who asks has it already, for half of its time at least (section 7.1). */
function isKnown(record: Answer, known: readonly Answer[]): boolean {
  return known.some(
    (other) =>
      record.type === 'PTR' &&
      other.type === 'PTR' &&
      other.name.toLowerCase() === record.name.toLowerCase() &&
      other.data.toLowerCase() === record.data.toLowerCase() &&
      (other.ttl ?? 0) >= (record.ttl ?? 0) / 2,
  )
}
