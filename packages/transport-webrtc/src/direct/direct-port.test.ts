import type { Pipe } from '@fieldmesh/core/transport-kit'
import * as fc from 'fast-check'
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import * as werift from 'werift'
import { bindingOfFingerprints } from '../channel-binding.ts'
import { makeCertificate } from './certificate-file.ts'
import type { HeldCertificate } from './certificate-file.ts'
import { createDirectCounts } from './direct-counts.ts'
import type { DirectCounts } from './direct-counts.ts'
import { DirectPort } from './direct-port.ts'
import type { DirectWay } from './direct-session.ts'
import { makeCheck, RawDialler } from './raw-dialler.test-page.ts'

let certificate: HeldCertificate
let own: HeldCertificate
let counts: DirectCounts
let nowMs: number
let port: DirectPort
let diallers: RawDialler[]

interface Opened {
  readonly messages: (Uint8Array | undefined)[]
  readonly pipe: Pipe
  readonly binding: Uint8Array
  readonly way: DirectWay
  ended: 'remote' | 'lost' | undefined
}
let opened: Opened[]

beforeAll(async () => {
  certificate = await makeCertificate(werift)
  own = await makeCertificate(werift)
})

beforeEach(() => {
  // What waits in werift's handshakes is not faked by this, and goes on.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  counts = createDirectCounts()
  nowMs = 1000
  opened = []
  diallers = []
  port = new DirectPort({
    werift,
    certificate,
    counts,
    nowMs: () => nowMs,
    isFull: () => false,
    opened: (pipe, binding, way) => {
      const entry: Opened = { messages: [], pipe, binding, way, ended: undefined }
      opened.push(entry)
      pipe.listen({
        message: (bytes) => entry.messages.push(bytes),
        drained: () => undefined,
        farewell: () => undefined,
        broken: () => undefined,
        closed: (how) => {
          entry.ended = how
        },
      })
    },
  })
})

afterEach(async () => {
  for (const dialler of diallers) await dialler.end()
  port.end()
  vi.useRealTimers()
})

/** A way to the port; what comes back is put down, or given to a dialler. */
function makeWay(name: string, take?: (datagram: Uint8Array) => void) {
  const answers: Uint8Array[] = []
  const [host = '', number = '1'] = name.split(' ')
  const way: DirectWay = {
    name,
    localHost: '192.168.1.1',
    host,
    port: Number(number),
    send: (datagram) => {
      answers.push(datagram)
      if (take) setImmediate(take, Buffer.from(datagram))
    },
  }
  const send = (datagram: Uint8Array) => {
    setImmediate(() => {
      port.receive(Buffer.from(datagram), way)
    })
  }
  return { way, answers, send }
}

/** An end that dials from there, and its ways. */
function dial(name: string, held = own) {
  const take = (datagram: Uint8Array) => {
    dialler.receive(datagram)
  }
  const first = makeWay(name, take)
  const dialler: RawDialler = new RawDialler({
    fingerprint: certificate.fingerprint,
    certificate: held,
    send: first.send,
  })
  diallers.push(dialler)
  return { dialler, ...first, take }
}

async function turn(): Promise<void> {
  await new Promise<void>((resolve) => {
    setImmediate(resolve)
  })
}

/** Turns of the event loop, until that holds; what is real in werift takes a while. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn()
}

/** Turns in which nothing more is expected to happen. */
async function settle(): Promise<void> {
  for (let count = 0; count < 50; count += 1) await turn()
}

/** The first datagram of a handshake: a fragment that leaves the rest for another. */
function makeHello(random: Uint8Array, cookie: Uint8Array = new Uint8Array(0), number = 0): Buffer {
  const body = Buffer.concat([
    Buffer.from([254, 253]),
    random,
    Buffer.from([0, cookie.length]),
    cookie,
    Buffer.alloc(30),
  ])
  const header = Buffer.alloc(25)
  header.set([22, 254, 255, 0, 0])
  header.writeUIntBE(number, 5, 6)
  header.writeUInt16BE(12 + body.length, 11)
  header.writeUInt8(1, 13)
  header.writeUIntBE(body.length + 100, 14, 3)
  header.writeUIntBE(body.length, 22, 3)
  return Buffer.concat([header, body])
}

const cookieOf = (answer: Uint8Array | undefined) => (answer ?? new Uint8Array(0)).subarray(28)

/** Begins a session from there that never goes on. */
function beginHalf(name: string, random = Buffer.alloc(32, 1)): Uint8Array[] {
  const { way, answers } = makeWay(name)
  port.receive(makeHello(random), way)
  port.receive(makeHello(random, cookieOf(answers[0]), 1), way)
  return answers
}

describe('strangers', () => {
  test('[DR7] what is neither STUN nor DTLS is dropped, and so is what nobody can have sent', () => {
    const { way, answers } = makeWay('10.0.0.1 5000')
    for (const first of [4, 19, 64, 128, 255]) port.receive(Buffer.from([first, 1, 2]), way)
    port.receive(Buffer.alloc(0), way)
    expect(counts.malformed).toBe(6)
    port.receive(makeCheck('abcd', certificate), { ...way, port: 0 })
    expect(counts.malformed).toBe(7)
    expect(answers).toEqual([])
  })

  test('[DR8] checks are answered for another fingerprint too, and counted', () => {
    const { way, answers } = makeWay('10.0.0.1 5000')
    port.receive(makeCheck('abcd', certificate), way)
    expect([answers.length, counts.checksForOthers]).toEqual([1, 0])
    port.receive(makeCheck('abcd', own), way)
    expect([answers.length, counts.checksForOthers]).toEqual([2, 1])
    port.receive(makeCheck('abcd', { fingerprint: own.fingerprint, password: 'another' }), way)
    expect([answers.length, counts.malformed]).toEqual([2, 1])
  })

  test('[DR9] a hello is answered with a cookie for that way, random and time, and no longer', () => {
    const { way, answers } = makeWay('10.0.0.1 5000')
    const elsewhere = makeWay('10.0.0.2 5000')
    const random = Buffer.alloc(32, 7)
    const hello = makeHello(random)
    port.receive(hello, way)
    expect(answers).toHaveLength(1)
    expect(answers[0]?.length).toBeLessThan(hello.length)
    const withCookie = makeHello(random, cookieOf(answers[0]), 1)
    // From elsewhere, with another random, too late: another cookie instead of a session.
    port.receive(withCookie, elsewhere.way)
    expect(elsewhere.answers).toHaveLength(1)
    port.receive(makeHello(Buffer.alloc(32, 8), cookieOf(answers[0]), 1), way)
    expect(answers).toHaveLength(2)
    nowMs += 20_000
    port.receive(withCookie, way)
    expect(answers).toHaveLength(3)
    // Whoever has no session is not listened to.
    port.receive(hello.fill(2, 13, 14), way)
    expect(counts.unknown).toBe(1)
    nowMs -= 10_000
    port.receive(withCookie, way)
    port.receive(hello, way)
    expect(counts.unknown).toBe(1)
  })

  test('[DR10] a flood gets 1,000 answers a second, and the next second again', () => {
    const [hello, check] = [makeHello(Buffer.alloc(32, 7)), makeCheck('abcd', certificate)]
    let answered = 0
    for (let each = 0; each < 1500; each += 1) {
      const { way, answers } = makeWay(`10.0.${each >> 8}.${each & 255} 5000`)
      port.receive(each % 5 === 0 ? check : hello, way)
      answered += answers.length
    }
    expect([answered, counts.unanswered]).toEqual([1000, 500])
    nowMs += 1000
    const { way, answers } = makeWay('10.9.9.9 5000')
    port.receive(hello, way)
    expect(answers).toHaveLength(1)
  })

  test('[DR16] 16 new sessions of one address and 64 in all, for ten seconds', () => {
    for (let each = 0; each < 17; each += 1) beginHalf(`10.0.0.1 ${5000 + each}`)
    expect(counts.sessionsRefused).toBe(1)
    for (let each = 0; each < 48; each += 1) beginHalf(`10.0.1.${each} 5000`)
    expect(counts.sessionsRefused).toBe(1)
    beginHalf('10.0.2.1 5000')
    expect(counts.sessionsRefused).toBe(2)
    vi.advanceTimersByTime(10_000)
    expect(counts.sessionsFailed).toBe(64)
    beginHalf('10.0.2.1 5000')
    expect(counts.sessionsRefused).toBe(2)
  })

  test('[DR16] a handshake that goes on and on is ended', () => {
    const random = Buffer.alloc(32, 3)
    beginHalf('10.0.0.1 5000', random)
    const { way } = makeWay('10.0.0.1 5000')
    const fragment = makeHello(random)
    for (let each = 0; each < 1000; each += 1) port.receive(fragment.fill(11, 13, 14), way)
    // The rest came from where there is no session any more.
    expect(counts.unknown).toBeGreaterThan(0)
  })
})

describe('sessions', () => {
  test('[DR6, DR14] a channel opens, bound to both certificates, and carries messages', async () => {
    const { dialler } = dial('10.0.0.1 5000')
    await dialler.open()
    await until(() => opened.length === 1)
    expect(opened[0]?.binding).toEqual(
      bindingOfFingerprints(certificate.fingerprint, own.fingerprint),
    )
    dialler.channel.send(Buffer.from('hello'))
    await until(() => opened[0]?.messages.length === 1)
    expect(Buffer.from(opened[0]?.messages[0] ?? []).toString()).toBe('hello')
    const back = dialler.channel.onMessage.asPromise()
    opened[0]?.pipe.send(Buffer.from('back'))
    expect(String((await back)[0])).toBe('back')
  })

  test('[DR6] an end that opens further channels loses the session', async () => {
    const { dialler } = dial('10.0.0.1 5000')
    await dialler.open()
    await until(() => opened.length === 1)
    const another = new werift.RTCDataChannel(
      dialler.sctp,
      new werift.RTCDataChannelParameters({ label: 'another', id: 1 }),
    )
    expect(another.id).toBe(1)
    await until(() => opened[0]?.ended === 'lost')
  })

  test('[DR11] a session goes along to another way that its ufrag came by, and to no other', async () => {
    const { dialler, answers, send, take } = dial('10.0.0.1 5000')
    const recorded: Buffer[] = []
    dialler.goBy((datagram) => {
      recorded.push(datagram)
      send(datagram)
    })
    dialler.check()
    await dialler.open()
    await until(() => opened.length === 1)
    const stranger = makeWay('10.0.0.9 5000', take)
    dialler.goBy(stranger.send)
    dialler.channel.send(Buffer.from('lost'))
    await until(() => counts.unknown > 0)
    expect(opened[0]?.messages).toEqual([])

    const other = makeWay('10.0.0.2 6000', take)
    dialler.goBy(other.send)
    dialler.check()
    await until(() => other.answers.length === 1)
    // Neither garbage from there nor a copy of what came before moves anything.
    other.send(Buffer.concat([Buffer.from([23, 254, 253, 0, 1]), Buffer.alloc(40)]))
    for (const datagram of recorded) other.send(datagram)
    await settle()
    const before = answers.length
    opened[0]?.pipe.send(Buffer.from('still the first way'))
    await until(() => answers.length > before)
    // SCTP says again what was lost.
    vi.advanceTimersByTime(5000)
    await until(() => opened[0]?.messages.length === 1)
    await settle()
    const after = answers.length
    const seen = other.answers.length
    opened[0]?.pipe.send(Buffer.from('the other way'))
    await until(() => other.answers.length > seen)
    await settle()
    expect(answers.length).toBe(after)
  })

  test('[DR11] what was held back and comes late by another way moves nothing', async () => {
    const { dialler, answers, send, take } = dial('10.0.0.1 5000')
    dialler.check()
    await dialler.open()
    await until(() => opened.length === 1)
    let held: Buffer | undefined
    dialler.goBy((datagram) => {
      held ??= datagram
    })
    dialler.channel.send(Buffer.from('held'))
    await until(() => held !== undefined)
    dialler.goBy(send)
    const before = answers.length
    dialler.channel.send(Buffer.from('newer'))
    await until(() => answers.length > before)
    const other = makeWay('10.0.0.2 6000', take)
    port.receive(makeCheck(dialler.ufrag, certificate), other.way)
    port.receive(held ?? Buffer.alloc(0), other.way)
    await until(() => opened[0]?.messages.length === 2)
    await settle()
    const seen = answers.length
    opened[0]?.pipe.send(Buffer.from('the first way'))
    await until(() => answers.length > seen)
    expect(other.answers).toHaveLength(1)
  })

  test('[DR11] a hello may come by another way of the same ufrag than its cookie was sent by', async () => {
    const { dialler, way, answers, take } = dial('10.0.0.1 5000')
    const other = makeWay('10.0.0.2 6000', take)
    dialler.check()
    await until(() => answers.length === 1)
    let hellos = 0
    dialler.goBy((datagram) => {
      // The first one goes the first way, all else the other.
      hellos += 1
      if (hellos === 1) port.receive(datagram, way)
      else other.send(datagram)
      if (hellos === 1) port.receive(makeCheck(dialler.ufrag, certificate), other.way)
    })
    await dialler.open()
    await until(() => opened.length === 1)
  })

  test('[DR12] whoever begins anew from there ends the session, and only with a cookie', async () => {
    const { dialler, way, answers } = dial('10.0.0.1 5000')
    await dialler.open()
    await until(() => opened.length === 1)
    const random = Buffer.alloc(32, 9)
    const before = answers.length
    port.receive(makeHello(random), way)
    expect(opened[0]?.ended).toBe(undefined)
    port.receive(makeHello(random, cookieOf(answers[before]), 1), way)
    expect(opened[0]?.ended).toBe('lost')
  })

  test('[DR13] what anybody could have sent ends no session', async () => {
    const { dialler, way } = dial('10.0.0.1 5000')
    await dialler.open()
    await until(() => opened.length === 1)
    const refusedBefore = counts.recordsRefused
    const record = (type: number, epoch: number, body: Buffer) =>
      Buffer.concat([
        Buffer.from([type, 254, 253, 0, epoch, 0, 0, 0, 0, 0, 99, body.length >> 8, body.length]),
        body,
      ])
    const forged = [
      // A warning in clear, one that claims to be encrypted, and one of a kind that is none.
      record(21, 0, Buffer.from([1, 0])),
      record(21, 1, Buffer.from([1, 0])),
      record(21, 1, Buffer.concat([Buffer.from([1, 0]), Buffer.alloc(24)])),
      record(24, 1, Buffer.alloc(30)),
      // Handshake messages in clear: a Finished, a hello with some cookie.
      record(
        22,
        0,
        Buffer.concat([Buffer.from([20, 0, 0, 12, 0, 9, 0, 0, 0, 0, 0, 12]), Buffer.alloc(12)]),
      ),
      makeHello(Buffer.alloc(32), Buffer.alloc(20, 1), 1),
    ]
    for (const datagram of forged) port.receive(datagram, way)
    // In this task: a copy of the handshake that the dialler repeats is refused as well.
    expect(counts.recordsRefused - refusedBefore).toBe(5)
    await settle()
    expect(opened[0]?.ended).toBe(undefined)
    dialler.channel.send(Buffer.from('alive'))
    await until(() => opened[0]?.messages.length === 1)
  })

  test('[DR13] a certificate whose key the other end does not have is refused', async () => {
    const thief = { certPem: own.certPem, keyPem: certificate.keyPem }
    const { dialler } = dial('10.0.0.1 5000', { ...own, ...thief })
    await dialler.shakeHands()
    await settle()
    expect(counts.sessionsFailed).toBe(1)
    expect(opened).toEqual([])
  })

  test('[DR13] copies of what came before are no messages', async () => {
    const recorded: Buffer[] = []
    const { dialler, way, send } = dial('10.0.0.1 5000')
    dialler.goBy((datagram) => {
      recorded.push(datagram)
      send(datagram)
    })
    await dialler.open()
    dialler.channel.send(Buffer.from('once'))
    await until(() => opened[0]?.messages.length === 1)
    for (const datagram of [...recorded, ...recorded]) port.receive(datagram, way)
    await settle()
    expect(opened[0]?.messages).toHaveLength(1)
    dialler.channel.send(Buffer.from('more'))
    await until(() => opened[0]?.messages.length === 2)
  })

  test('[DR15] half a minute without a sign of life loses a session, a check keeps it', async () => {
    const { dialler, way, answers } = dial('10.0.0.1 5000')
    await dialler.open()
    await until(() => opened.length === 1)
    vi.advanceTimersByTime(29_000)
    port.receive(makeCheck(dialler.ufrag, certificate), way)
    vi.advanceTimersByTime(29_000)
    expect(opened[0]?.ended).toBe(undefined)
    const before = answers.length
    vi.advanceTimersByTime(1000)
    expect(opened[0]?.ended).toBe('lost')
    // The other end is told, should it be there after all.
    expect(answers.length).toBeGreaterThan(before)
  })

  test('[DR17] nothing that comes harms a session, or throws', async () => {
    const recorded: Buffer[] = []
    const { dialler, way, send } = dial('10.0.0.1 5000')
    dialler.goBy((datagram) => {
      recorded.push(Buffer.from(datagram))
      send(datagram)
    })
    dialler.check()
    await dialler.open()
    await until(() => opened.length === 1)
    dialler.channel.send(Buffer.from('first'))
    await until(() => opened[0]?.messages.length === 1)
    expect(recorded.length).toBeGreaterThan(8)
    const strange = makeWay('10.0.0.7 7000').way

    const bent = fc
      .tuple(
        fc.constantFrom(...recorded),
        fc.array(fc.tuple(fc.nat(2000), fc.nat(255)), { maxLength: 6 }),
        fc.option(fc.nat(1500)),
      )
      .map(([genuine, changes, length]) => {
        const bytes = Buffer.from(genuine.subarray(0, length ?? genuine.length))
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
        return bytes
      })
    const noise = fc
      .tuple(fc.constantFrom(0, 1, 20, 21, 22, 23, 24, 63), fc.uint8Array({ maxLength: 1500 }))
      .map(([first, rest]) => Buffer.concat([Buffer.from([first]), rest]))
    fc.assert(
      fc.property(fc.oneof(bent, noise), fc.boolean(), (datagram, isKnown) => {
        nowMs += 10
        port.receive(datagram, isKnown ? way : strange)
      }),
      { numRuns: 3000 },
    )
    await settle()
    expect(opened[0]?.ended).toBe(undefined)
    dialler.channel.send(Buffer.from('last'))
    await until(() => opened[0]?.messages.length === 2)
    expect(opened).toHaveLength(1)
  })
})
