/**
 * The conformance suite of transports: what every implementation of `Transport` and `Channel` must
 * do, over real pipes, with well-behaved and ill-behaved others.
 *
 * The test runner is an argument: `transportSuite({ test, factory, capabilities })`.
 */

import type { DialFailureReason, TransportCapabilities } from '../transport/transport.ts'
import { assertEqual, assertThat, describeValue } from './assertions.ts'
import { printsOf } from './message-pattern.ts'
import type { MessagePattern } from './message-pattern.ts'
import type { ChannelNumber, TransportEnd } from './transport-end.ts'

/** The most that a channel may hold back before it says `full`, whatever its transport. */
export const bufferedBytesBound = 1024 * 1024 + 64 * 1024

/**
 * Others that do not keep to the rules. Each connects to the listener without this transport,
 * opens a channel, and does one thing. Left out where the pipe cannot be brought to it.
 */
export interface HostileActs {
  /** Sends a message longer than the listener accepts. */
  oversizedMessage?(): Promise<void>
  /** Sends what is no message of the pipe: garbage instead of a frame, text instead of bytes. */
  brokenMessage?(): Promise<void>
  /** Sends the first half of a message and nothing more; `hangUp` breaks the connection. */
  halfMessage?(): Promise<{ hangUp(): void }>
  /** Connects and says nothing at all, not even what opens a channel. */
  silence?(): Promise<void>
  /** Sends bytes that do not open a channel. */
  noise?(): Promise<void>
}

/** Two fresh transports, not started. */
export interface TransportPair {
  readonly dialler: TransportEnd
  readonly listener: TransportEnd
  /** Where the dialler finds the listener; asked after both have started. */
  address(): string | Promise<string>
  /** An address that nobody answers at, and an address that is none. */
  readonly nowhere?: { readonly address: string; readonly reason: DialFailureReason }
  readonly malformedAddress?: string
  readonly hostile?: HostileActs
  /** Ends whatever the factory has made besides the two transports. Both are stopped already. */
  release?(): Promise<void>
}

export interface TransportSuiteOptions {
  /** Whether ends can be started again; not where what carries them ends with them. Default true. */
  readonly restarts?: boolean
  /** The runner's `test`. */
  readonly test: (name: string, run: () => Promise<void>) => void
  readonly factory: () => Promise<TransportPair>
  /** The manifest of the dialling transport; tests that do not apply are left out. */
  readonly capabilities: TransportCapabilities
  /** Traits that channels of this transport must show. */
  readonly traits: {
    readonly encrypted: boolean
    readonly costClass: string
    /**
     * Whether everything arrives, and in order; the default. Where not, what arrives of much is only
     * compared with what was sent; but the test's network must carry a message that travels alone.
     */
    readonly reliable?: boolean
  }
  /** Bytes sent in each direction where much is sent. Default 8 MiB; less for slow pipes. */
  readonly bulkBytes?: number
  /** Which acts `hostile` of the pairs has. */
  readonly hostileActs?: readonly (keyof HostileActs)[]
}

interface OpenPair extends TransportPair {
  /** Opens a channel and attaches at both ends. */
  connect(): Promise<{ near: ChannelNumber; far: ChannelNumber }>
}

/** Registers the suite's tests with the runner. */
export function transportSuite(options: TransportSuiteOptions): void {
  const { capabilities, hostileActs = [], bulkBytes = 8 * 1024 * 1024 } = options
  const isReliable = options.traits.reliable ?? true

  /** One test on a started pair; whatever happens, nothing is left running. */
  function pairTest(name: string, run: (pair: OpenPair) => Promise<void>): void {
    options.test(name, async () => {
      const pair = await options.factory()
      const { dialler, listener } = pair
      try {
        await listener.start()
        await dialler.start()
        if (capabilities.needsSignalling) {
          carrySignals(dialler, listener)
          carrySignals(listener, dialler)
        }
        const address = await pair.address()
        await run({ ...pair, address: () => address, connect: () => connect(pair, address) })
      } finally {
        await Promise.all([dialler.stop(), listener.stop()])
        await pair.release?.()
      }
    })
  }

  pairTest('a dial opens a channel and the other end accepts one', async (pair) => {
    const { near, far } = await pair.connect()
    assertEqual([near, far], [0, 0], 'the number of the channel at both ends')
  })

  pairTest('traits say the same at both ends and what the transport promises', async (pair) => {
    const { near, far } = await pair.connect()
    const traits = await pair.dialler.traits(near)
    assertEqual(traits, await pair.listener.traits(far), 'the traits of the accepted channel')
    assertThat(traits.messageBytesMax >= 20, `messageBytesMax is ${traits.messageBytesMax}`)
    assertEqual(traits.encrypted, options.traits.encrypted, 'encrypted')
    assertEqual(traits.binding !== null, options.traits.encrypted, 'whether there is a binding')
    assertEqual(traits.costClass, options.traits.costClass, 'the class of the cost')
    assertEqual([traits.reliable, traits.ordered], [isReliable, isReliable], 'reliable and ordered')
  })

  pairTest('messages keep their boundaries, their bytes and their order', async (pair) => {
    const { near, far } = await pair.connect()
    const { messageBytesMax } = await pair.dialler.traits(near)
    const sizes = [1, 2, 3, 125, 126, 127, 1024, messageBytesMax - 1, messageBytesMax, 1]
    const patterns = sizes
      .filter((bytes) => bytes <= messageBytesMax)
      .map((bytes, seed) => ({ bytes, seed, count: 3 }))
    let count = 0
    for (const pattern of patterns) {
      await pair.dialler.sendAll(near, pattern)
      await pair.listener.sendAll(far, { ...pattern, seed: pattern.seed + 100 })
      count += pattern.count
      if (isReliable) continue
      await pair.listener.received(far, count)
      await pair.dialler.received(near, count)
    }
    const wanted = patterns.flatMap(printsOf)
    const wantedBack = patterns.flatMap((pattern) =>
      printsOf({ ...pattern, seed: pattern.seed + 100 }),
    )
    assertEqual(await pair.listener.received(far, wanted.length), wanted, 'what arrived')
    assertEqual(await pair.dialler.received(near, wanted.length), wantedBack, 'what came back')
  })

  pairTest('a message too large is refused and nothing of it is sent', async (pair) => {
    const { near, far } = await pair.connect()
    const { messageBytesMax } = await pair.dialler.traits(near)
    const large = { count: 1, bytes: messageBytesMax + 1, seed: 1 }
    assertEqual(await pair.dialler.send(near, large, 0), 'too-large', 'the result of send')
    const small = { count: 1, bytes: 10, seed: 2 }
    await pair.dialler.sendAll(near, small)
    assertEqual(await pair.listener.received(far, 1), printsOf(small), 'what arrived')
  })

  pairTest('an empty message is refused by throwing and nothing is sent', async (pair) => {
    const { near, far } = await pair.connect()
    assertThat(await pair.dialler.sendNothing(near), 'send took an empty message')
    const small = { count: 1, bytes: 10, seed: 2 }
    await pair.dialler.sendAll(near, small)
    assertEqual(await pair.listener.received(far, 1), printsOf(small), 'what arrived')
  })

  pairTest('a channel under load stays within its bound, says full, and drains', async (pair) => {
    const { near, far } = await pair.connect()
    const { messageBytesMax } = await pair.dialler.traits(near)
    const pattern = {
      count: Math.ceil((4 * bulkBytes) / messageBytesMax),
      bytes: messageBytesMax,
      seed: 3,
    }
    const filled = await pair.dialler.fill(near, pattern)
    assertThat(
      filled.bufferedBytesMax <= bufferedBytesBound,
      `bufferedBytes rose to ${filled.bufferedBytesMax}, the bound is ${bufferedBytesBound}`,
    )
    assertThat(!filled.reentered, 'A handler was called from inside send')
    // A pipe that outran the loop had no reason to say full.
    if (filled.last !== 'accepted') {
      assertEqual(filled.last, 'full', 'what ended the loop of sends')
      await pair.dialler.drained(near)
      const tail = { count: 4, bytes: messageBytesMax, seed: 4 }
      await pair.dialler.sendAll(near, tail)
      const wanted = [...printsOf({ ...pattern, count: filled.accepted }), ...printsOf(tail)]
      await assertArrived(pair, pair.listener, far, wanted)
    }
  })

  pairTest('megabytes arrive byte for byte in both directions at once', async (pair) => {
    const { near, far } = await pair.connect()
    const { messageBytesMax } = await pair.dialler.traits(near)
    const bytes = Math.min(messageBytesMax, 64 * 1024)
    const there: MessagePattern = { count: Math.ceil(bulkBytes / bytes), bytes, seed: 5 }
    const back: MessagePattern = { ...there, seed: 6 }
    await Promise.all([pair.dialler.sendAll(near, there), pair.listener.sendAll(far, back)])
    await assertArrived(pair, pair.listener, far, printsOf(there))
    await assertArrived(pair, pair.dialler, near, printsOf(back))
  })

  pairTest('many small messages arrive, in order where the channel keeps it', async (pair) => {
    const { near, far } = await pair.connect()
    const pattern = { count: 500, bytes: 20, seed: 7 }
    await pair.dialler.sendAll(near, pattern)
    await assertArrived(pair, pair.listener, far, printsOf(pattern))
  })

  pairTest('messages that arrive before attach are delivered in order', async (pair) => {
    const [near, far] = await openUnattached(pair, await pair.address())
    await pair.dialler.attach(near)
    const early = { count: 3, bytes: 100, seed: 8 }
    await pair.dialler.sendAll(near, early)
    // An answer on a second channel shows that the first messages have had their time.
    await exchange(pair)
    await pair.listener.attach(far)
    const late = { count: 2, bytes: 100, seed: 9 }
    await pair.dialler.sendAll(near, late)
    const wanted = [...printsOf(early), ...printsOf(late)]
    assertEqual(await pair.listener.received(far, 5), wanted, 'what arrived')
  })

  pairTest('a channel whose handlers never come is closed at its bound', async (pair) => {
    const [near, far] = await openUnattached(pair, await pair.address())
    await pair.dialler.attach(near)
    const { messageBytesMax } = await pair.dialler.traits(near)
    const bytes = Math.min(messageBytesMax, 32 * 1024)
    await pair.dialler.fill(near, { count: Math.ceil((128 * 1024) / bytes), bytes, seed: 10 })
    await pair.dialler.closed(near)
    await pair.listener.attach(far)
    assertEqual(
      await pair.listener.closed(far),
      'protocol',
      'the reason at the end that overflowed',
    )
  })

  pairTest('close ends both ends, once, as the last thing they hear', async (pair) => {
    const { near, far } = await pair.connect()
    await pair.dialler.close(near, 3)
    assertEqual(await pair.dialler.closed(near), 'local', 'the reason at the end that closed')
    assertEqual(await pair.listener.closed(far), 'remote', 'the reason at the other end')
    await pair.listener.close(far)
    await pair.dialler.close(near)
    await exchange(pair)
    for (const log of [await pair.dialler.log(near), await pair.listener.log(far)]) {
      assertEqual([log.closed.length, log.afterClosed], [1, 0], 'calls of closed, and after it')
    }
  })

  pairTest('the accepting end may close as well', async (pair) => {
    const { near, far } = await pair.connect()
    await pair.listener.close(far)
    assertEqual(await pair.listener.closed(far), 'local', 'the reason at the end that closed')
    assertEqual(await pair.dialler.closed(near), 'remote', 'the reason at the other end')
  })

  pairTest('messages accepted before close still arrive', async (pair) => {
    const { near, far } = await pair.connect()
    const { messageBytesMax } = await pair.dialler.traits(near)
    const pattern = { count: 3, bytes: Math.min(messageBytesMax, 32 * 1024), seed: 11 }
    const filled = await pair.dialler.fill(near, pattern)
    await pair.dialler.close(near)
    assertEqual(await pair.listener.closed(far), 'remote', 'the reason at the other end')
    const { received } = await pair.listener.log(far)
    assertEqual(received, printsOf({ ...pattern, count: filled.accepted }), 'what arrived')
  })

  pairTest('a closed channel takes nothing', async (pair) => {
    const { near, far } = await pair.connect()
    await pair.dialler.close(near)
    const pattern = { count: 1, bytes: 10, seed: 12 }
    assertEqual(await pair.dialler.send(near, pattern, 0), 'closed', 'send after close')
    await pair.listener.closed(far)
    assertEqual(await pair.listener.send(far, pattern, 0), 'closed', 'send after the other closed')
  })

  pairTest('both ends may close at the same time', async (pair) => {
    const { near, far } = await pair.connect()
    await Promise.all([pair.dialler.close(near), pair.listener.close(far)])
    const reasons = [await pair.dialler.closed(near), await pair.listener.closed(far)]
    // Which farewell arrives before the other end has closed is for the network to say.
    const allowed = ['local,local', 'local,remote', 'remote,local']
    assertThat(allowed.includes(reasons.join()), `the reasons are ${reasons.join(' and ')}`)
  })

  pairTest('many channels at once keep apart', async (pair) => {
    const address = await pair.address()
    const count = 8
    const dials = await Promise.all(
      Array.from({ length: count }, () => openChannel(pair.dialler.dial(address))),
    )
    for (const near of dials) {
      await pair.dialler.attach(near)
      await pair.dialler.sendAll(near, { count: 5, bytes: 50, seed: near })
    }
    const arrived: string[] = []
    for (let channel = 0; channel < count; channel++) {
      const far = await pair.listener.accepted()
      await pair.listener.attach(far)
      arrived.push((await pair.listener.received(far, 5)).join())
    }
    const wanted = dials.map((near) => printsOf({ count: 5, bytes: 50, seed: near }).join())
    assertEqual(arrived.toSorted(), wanted.toSorted(), 'what arrived on all channels')
  })

  pairTest('closing one channel leaves the others open', async (pair) => {
    const first = await pair.connect()
    const second = await pair.connect()
    await pair.dialler.close(first.near)
    await pair.listener.closed(first.far)
    const pattern = { count: 1, bytes: 10, seed: 13 }
    await pair.dialler.sendAll(second.near, pattern)
    assertEqual(await pair.listener.received(second.far, 1), printsOf(pattern), 'what arrived')
  })

  pairTest('a dial that was given up before is rejected with the reason', async (pair) => {
    const result = await pair.dialler.dial(await pair.address(), 'before')
    assertEqual(result, { type: 'aborted' }, 'the dial')
  })

  pairTest('a dial given up on the way is rejected and leaves no channel', async (pair) => {
    const result = await pair.dialler.dial(await pair.address(), 'after')
    assertEqual(result, { type: 'aborted' }, 'the dial')
    // The next channel works; whatever the first dial has made at the other end goes away.
    await exchange(pair)
    const accepted = await pair.listener.acceptedCount()
    if (accepted > 1) {
      await pair.listener.attach(0)
      await pair.listener.closed(0)
    }
  })

  pairTest('a dial to where nobody is fails with the reason', async (pair) => {
    if (!pair.nowhere) return
    const result = await pair.dialler.dial(pair.nowhere.address)
    assertThat(result.type === 'failed', `the dial is ${describeValue(result)}`)
    assertEqual(result.reason, pair.nowhere.reason, 'the reason of the failure')
    assertThat(result.message.length > 0, 'the failure has no sentence')
  })

  pairTest('an address that is none fails as such', async (pair) => {
    if (pair.malformedAddress === undefined) return
    const result = await pair.dialler.dial(pair.malformedAddress)
    assertEqual(result.type === 'failed' && result.reason, 'bad-address', 'the reason')
  })

  pairTest('stop closes the channels of both ends and is idempotent', async (pair) => {
    const { near, far } = await pair.connect()
    await Promise.all([pair.dialler.stop(), pair.dialler.stop()])
    assertEqual(
      await pair.dialler.closed(near),
      'transport-stopped',
      'the reason at the stopped end',
    )
    assertEqual(await pair.listener.closed(far), 'remote', 'the reason at the other end')
    await pair.dialler.stop()
  })

  pairTest('a stopped listener lets its channels go and accepts no more', async (pair) => {
    const { near, far } = await pair.connect()
    await pair.listener.stop()
    assertEqual(
      await pair.listener.closed(far),
      'transport-stopped',
      'the reason at the stopped end',
    )
    assertEqual(await pair.dialler.closed(near), 'remote', 'the reason at the other end')
    if (capabilities.needsSignalling) return
    const result = await pair.dialler.dial(await pair.address())
    assertEqual(result.type, 'failed', 'a dial to a stopped listener')
  })

  pairTest('a stopped transport does not dial', async (pair) => {
    await pair.dialler.stop()
    const result = await pair.dialler.dial(await pair.address())
    assertEqual(result.type === 'failed' && result.reason, 'cancelled', 'the reason')
  })

  pairTest('a dial under way when the transport stops fails', async (pair) => {
    const dialling = pair.dialler.dial(await pair.address())
    await pair.dialler.stop()
    const result = await dialling
    // A fast pipe may have been open by then; its channel is closed.
    if (result.type === 'open') {
      await pair.dialler.attach(result.channel)
      assertEqual(await pair.dialler.closed(result.channel), 'transport-stopped', 'the reason')
    } else assertEqual(result.type === 'failed' && result.reason, 'cancelled', 'the reason')
  })

  if (!capabilities.needsSignalling && (options.restarts ?? true)) {
    pairTest('a stopped transport can be started again', async (pair) => {
      await pair.dialler.stop()
      await pair.dialler.start()
      await exchange(pair)
    })
  }

  options.test('a transport that was never started does not dial, and stops', async () => {
    const pair = await options.factory()
    const result = await pair.dialler.dial(pair.nowhere?.address ?? pair.listener.peer)
    assertEqual(result.type === 'failed' && result.reason, 'cancelled', 'the reason')
    await Promise.all([pair.dialler.stop(), pair.listener.stop()])
    await pair.release?.()
  })

  if (capabilities.needsSignalling) {
    pairTest('two peers that dial each other at once get one channel each', async (pair) => {
      const [there, back] = await Promise.all([
        openChannel(pair.dialler.dial(pair.listener.peer)),
        openChannel(pair.listener.dial(pair.dialler.peer)),
      ])
      await pair.dialler.attach(there)
      await pair.listener.attach(back)
      const pattern = { count: 2, bytes: 50, seed: 14 }
      await pair.dialler.sendAll(there, pattern)
      assertEqual(await pair.listener.received(back, 2), printsOf(pattern), 'what arrived')
      assertEqual(
        [await pair.dialler.acceptedCount(), await pair.listener.acceptedCount()],
        [0, 0],
        'channels besides the two that were dialled',
      )
    })
  }

  hostileTest('oversizedMessage', 'a message beyond the bound closes its channel', 'protocol')
  hostileTest('brokenMessage', 'what is no message closes its channel', 'protocol')

  if (hostileActs.includes('halfMessage')) {
    pairTest('a connection that breaks within a message is lost', async (pair) => {
      const breaking = await pair.hostile?.halfMessage?.()
      const far = await pair.listener.accepted()
      await pair.listener.attach(far)
      breaking?.hangUp()
      assertEqual(await pair.listener.closed(far), 'lost', 'the reason')
      assertEqual((await pair.listener.log(far)).received, [], 'what arrived')
      await exchange(pair)
    })
  }
  for (const act of ['silence', 'noise'] as const) {
    if (!hostileActs.includes(act)) continue
    pairTest(`${act} hinders neither other channels nor the stop`, async (pair) => {
      await pair.hostile?.[act]?.()
      await exchange(pair)
      await pair.listener.stop()
    })
  }

  /** All that was sent has arrived in order; on channels that lose, something, and nothing else. */
  async function assertArrived(
    pair: OpenPair,
    end: TransportEnd,
    channel: ChannelNumber,
    sent: readonly string[],
  ): Promise<void> {
    if (isReliable) {
      assertEqual(await end.received(channel, sent.length), sent, 'what arrived')
      return
    }
    // An answer on another channel shows that what is still to come has had its time.
    await exchange(pair)
    const { received } = await end.log(channel)
    const known = new Set(sent)
    assertThat(received.length > 0, 'nothing arrived')
    assertEqual(
      received.filter((print) => !known.has(print)),
      [],
      'what arrived and was not sent',
    )
  }

  function hostileTest(
    act: 'oversizedMessage' | 'brokenMessage',
    name: string,
    reason: string,
  ): void {
    if (!hostileActs.includes(act)) return
    pairTest(`${name} and no other`, async (pair) => {
      const healthy = await pair.connect()
      await pair.hostile?.[act]?.()
      const far = await pair.listener.accepted()
      await pair.listener.attach(far)
      assertEqual(await pair.listener.closed(far), reason, 'the reason')
      assertEqual((await pair.listener.log(far)).received, [], 'what arrived')
      const pattern = { count: 1, bytes: 10, seed: 15 }
      await pair.dialler.sendAll(healthy.near, pattern)
      assertEqual(await pair.listener.received(healthy.far, 1), printsOf(pattern), 'what arrived')
    })
  }
}

async function connect(
  pair: TransportPair,
  address: string,
): Promise<{ near: ChannelNumber; far: ChannelNumber }> {
  const opening = openChannel(pair.dialler.dial(address))
  const accepting = pair.listener.accepted().then(async (far) => {
    await pair.listener.attach(far)
    return far
  })
  const [near, far] = await Promise.all([opening, accepting])
  await pair.dialler.attach(near)
  return { near, far }
}

async function openUnattached(
  pair: TransportPair,
  address: string,
): Promise<[near: ChannelNumber, far: ChannelNumber]> {
  return Promise.all([openChannel(pair.dialler.dial(address)), pair.listener.accepted()])
}

/** Opens one more channel and sends a message each way. */
async function exchange(pair: OpenPair): Promise<void> {
  const opening = openChannel(pair.dialler.dial(await pair.address()))
  const near = await opening
  await pair.dialler.attach(near)
  const pattern = { count: 1, bytes: 33, seed: 99 }
  await pair.dialler.sendAll(near, pattern)
  // Channels of earlier dials may be waiting to be accepted as well; the new one is the last.
  let far = await pair.listener.accepted()
  while (far < (await pair.listener.acceptedCount()) - 1) far = await pair.listener.accepted()
  await pair.listener.attach(far)
  assertEqual(await pair.listener.received(far, 1), printsOf(pattern), 'what arrived')
  await pair.listener.sendAll(far, pattern)
  assertEqual(await pair.dialler.received(near, 1), printsOf(pattern), 'what came back')
}

async function openChannel(dialling: ReturnType<TransportEnd['dial']>): Promise<ChannelNumber> {
  const result = await dialling
  assertThat(result.type === 'open', `the dial is ${describeValue(result)}`)
  return result.channel
}

/** Carries signals from one end to the other until the first is stopped. */
function carrySignals(from: TransportEnd, to: TransportEnd): void {
  const carry = async () => {
    for (;;) {
      const signal = await from.nextSignal()
      if (!signal) return
      if (signal.peer === to.peer) await to.receiveSignal(from.peer, signal.hex)
    }
  }
  // An end in a page that is gone rejects: there is nobody left to carry for.
  carry().catch(() => undefined)
}
