import { describe, expect, test } from 'vitest'

import { nobleCryptography as cryptography } from '../crypto/noble.ts'
import { SeededRandom } from '../crypto/random.ts'
import { CertificateVerifier, Identity } from '../identity/identity.ts'
import { deriveJoinKeys } from '../identity/join-keys.ts'
import type { PeerId } from '../identity/peer-id.ts'
import { KnownPeers, knownPeersMax } from './known-peers.ts'
import { LinkHandshake } from './link-handshake.ts'
import type { HandshakeOptions, LinkHandshakeStep } from './link-handshake.ts'
import { plainTraits, VirtualNetwork } from './virtual-network.ts'
import type { VirtualPeer } from './virtual-network.ts'

/** One boot of a peer, with what it remembers. */
class Boot {
  readonly identity: Identity
  readonly options: HandshakeOptions

  constructor(keyByte: number, { epoch = 1, secretByte = 1 } = {}) {
    this.identity = new Identity(new Uint8Array(32).fill(keyByte), cryptography)
    this.options = {
      identity: this.identity,
      joinKeys: deriveJoinKeys('cafe', new Uint8Array(32).fill(secretByte), cryptography),
      verifier: new CertificateVerifier(cryptography),
      knownPeers: new KnownPeers(epoch),
      epoch,
      cryptography,
      random: new SeededRandom(new Uint8Array(32).fill(keyByte + epoch)),
    }
  }

  dial(lastPeer: PeerId | undefined, expectedPeer?: PeerId): LinkHandshake {
    return new LinkHandshake(this.options, { role: 'initiator', lastPeer, expectedPeer })
  }

  accept(): LinkHandshake {
    return new LinkHandshake(this.options, { role: 'responder' })
  }
}

function expectMessage(step: LinkHandshakeStep): Uint8Array {
  if (step.type === 'refused' || !step.message) throw new Error(`it gave ${step.type}`)
  return step.message
}

/** A whole handshake; how it ended at the initiator, and at the responder. */
function shake(from: Boot, to: Boot, lastPeer = to.identity.peer) {
  const [initiator, responder] = [from.dial(lastPeer), to.accept()]
  const offer = initiator.start()
  const answer = responder.read(offer)
  if (answer.type === 'refused') return { offer, answer, end: answer }
  const proof = initiator.read(expectMessage(answer))
  const end = answer.type === 'complete' ? answer : responder.read(expectMessage(proof))
  return { offer, answer, proof, end }
}

function isReturn(step: LinkHandshakeStep | undefined): boolean {
  if (step?.type !== 'complete') throw new Error(`it gave ${step?.type}`)
  return step.isReturn
}

describe('[HS13] returns', () => {
  test('the second handshake is one, in either direction, and so is each further one', () => {
    const [a, b] = [new Boot(1), new Boot(2)]
    expect(isReturn(shake(a, b).end)).toBe(false)
    for (const [from, to] of [
      [a, b],
      [b, a],
      [a, b],
    ] as const) {
      const { proof, end, answer } = shake(from, to)
      expect(isReturn(proof)).toBe(true)
      expect(answer).toBe(end)
      expect(proof).toMatchObject({ message: undefined, remote: { peer: to.identity.peer } })
      expect(end).toMatchObject({ remote: { peer: from.identity.peer } })
    }
  })

  test('both ends are up when the answer has been read, though the responder waits to be sure', () => {
    const [a, b] = [new Boot(1), new Boot(2)]
    shake(a, b)
    const { proof, end } = shake(a, b)
    expect(proof).toMatchObject({ type: 'complete', isConfirmed: true })
    expect(end).toMatchObject({ type: 'complete', isConfirmed: false })
  })
})

describe('[HS15] what is no return becomes first contact, on the same channel', () => {
  test('another peer answers at the address', () => {
    const [a, b, c] = [new Boot(1), new Boot(2), new Boot(3)]
    shake(a, b)
    const { proof, end } = shake(a, c, b.identity.peer)
    expect(isReturn(proof)).toBe(false)
    expect(proof).toMatchObject({ remote: { peer: c.identity.peer } })
    expect(end).toMatchObject({ remote: { peer: a.identity.peer } })
  })

  test('the responder has booted again, or the initiator has', () => {
    const [a, b] = [new Boot(1), new Boot(2)]
    shake(a, b)
    expect(isReturn(shake(a, new Boot(2, { epoch: 2 })).end)).toBe(false)
    const again = new Boot(1, { epoch: 2 })
    again.options.knownPeers.met(b.identity.peer, {
      staticKey: b.identity.staticKeys.publicKey,
      epoch: 1,
    })
    expect(isReturn(shake(again, b).end)).toBe(false)
    expect(isReturn(shake(again, b).end)).toBe(true)
  })

  test('the responder has forgotten the initiator for others', () => {
    const [a, b] = [new Boot(1), new Boot(2)]
    shake(a, b)
    const staticKey = new Uint8Array(32)
    for (let count = 0; count < knownPeersMax; count += 1) {
      b.options.knownPeers.met(`stranger ${count}` as PeerId, { staticKey, epoch: 1 })
    }
    expect(isReturn(shake(a, b).end)).toBe(false)
    expect(isReturn(shake(a, b).end)).toBe(true)
  })

  test('an offer that is sent again is no return, whatever else came in between', () => {
    const [a, b] = [new Boot(1), new Boot(2)]
    shake(a, b)
    const { offer } = shake(a, b)
    for (let times = 0; times < 3; times += 1) {
      expect(b.accept().read(offer).type).toBe('send')
      expect(isReturn(shake(a, b).end)).toBe(true)
    }
  })

  test('an offer that is overtaken by a later one is none either', () => {
    const [a, b] = [new Boot(1), new Boot(2)]
    shake(a, b)
    const early = a.dial(b.identity.peer)
    const earlyOffer = early.start()
    expect(isReturn(shake(a, b).end)).toBe(true)
    const responder = b.accept()
    const answer = responder.read(earlyOffer)
    expect(answer.type).toBe('send')
    const proof = early.read(expectMessage(answer))
    expect(isReturn(proof)).toBe(false)
    expect(isReturn(responder.read(expectMessage(proof)))).toBe(false)
  })

  test('who listens, or sends a recorded offer again, cannot tell one answer from the other', () => {
    const [a, b, c] = [new Boot(1), new Boot(2), new Boot(3)]
    shake(a, b)
    const { offer, answer } = shake(a, b)
    const lengths = [
      expectMessage(answer),
      expectMessage(b.accept().read(offer)),
      expectMessage(c.accept().read(offer)),
      expectMessage(new Boot(2, { epoch: 1 }).accept().read(offer)),
    ].map(({ length }) => length)
    expect(new Set(lengths)).toEqual(new Set([lengths[0]]))
  })
})

describe('what a return does not give away', () => {
  test('[HS5] another secret is told before anything of the return is read', () => {
    const [a, b] = [new Boot(1), new Boot(2)]
    shake(a, b)
    const stranger = new Boot(1, { secretByte: 9 })
    stranger.options.knownPeers.met(b.identity.peer, {
      staticKey: b.identity.staticKeys.publicKey,
      epoch: 1,
    })
    for (const [from, to] of [
      [stranger, b],
      [a, new Boot(2, { secretByte: 9 })],
    ] as const) {
      expect(shake(from, to).answer).toEqual({ type: 'refused', reason: 'secret-mismatch' })
    }
  })

  test('[HS9] a return that was changed on its way, or taken out, fails the handshake', () => {
    const [a, b] = [new Boot(1), new Boot(2)]
    shake(a, b)
    const offer = a.dial(b.identity.peer).start()
    for (let at = 27; at < offer.length; at += 1) {
      const bent = offer.slice()
      bent[at]! ^= 1
      expect(b.accept().read(bent).type).toBe('refused')
    }
    // Head, length in two bytes, 195 bytes of the return, 48 of first contact.
    expect(offer.length).toBe(27 + 2 + 195 + 48)
    const stripped = Uint8Array.from([...offer.subarray(0, 27), ...offer.subarray(-48)])
    stripped[2]! &= ~2
    expect(b.accept().read(stripped)).toEqual({ type: 'refused', reason: 'secret-mismatch' })
  })

  test('[HS8] who was wanted by its id is the one that answers', () => {
    const [a, b, c] = [new Boot(1), new Boot(2), new Boot(3)]
    shake(a, b)
    shake(a, c)
    const initiator = a.dial(c.identity.peer, b.identity.peer)
    const answer = c.accept().read(initiator.start())
    expect(initiator.read(expectMessage(answer))).toEqual({
      type: 'refused',
      reason: 'identity-mismatch',
    })
  })
})

test('[HS14] the peer met last at an address is remembered, and others are forgotten in turn', () => {
  const known = new KnownPeers(7)
  const staticKey = new Uint8Array(32).fill(1)
  for (let count = 0; count <= knownPeersMax; count += 1) {
    known.met(`peer ${count}` as PeerId, { staticKey, epoch: 1 })
    if (count === 5) known.met('peer 0' as PeerId, { staticKey, epoch: 1 })
  }
  expect(known.get('peer 0' as PeerId)).toBeDefined()
  expect(known.get('peer 1' as PeerId)).toBe(undefined)
  const claim = { epochMet: 7, count: 2 }
  expect(known.accept('peer 1' as PeerId, { staticKey, epoch: 1 }, claim)).toBe(false)
  const other = { staticKey: new Uint8Array(32), epoch: 1 }
  expect(known.accept('peer 0' as PeerId, other, claim)).toBe(false)
  expect(known.accept('peer 0' as PeerId, { staticKey, epoch: 2 }, claim)).toBe(false)
  expect(known.accept('peer 0' as PeerId, { staticKey, epoch: 1 }, { epochMet: 6, count: 2 })).toBe(
    false,
  )
  expect(known.accept('peer 0' as PeerId, { staticKey, epoch: 1 }, claim)).toBe(true)
  expect(known.accept('peer 0' as PeerId, { staticKey, epoch: 1 }, claim)).toBe(false)
  expect(known.claim({ staticKey, epoch: 3 })).toEqual({ epochMet: 3, count: 1 })
  expect(known.claim({ staticKey, epoch: 4 })).toEqual({ epochMet: 4, count: 2 })
})

describe('[HS12] links after a return', () => {
  /** Cuts the only channel, and lets the address be dialled again. */
  function cutAndReturn(network: VirtualNetwork, from: VirtualPeer): void {
    network.break(from.openEnds()[0]!)
    network.run(10)
    for (const peer of network.peers) peer.told.length = 0
  }

  function pair(traits = plainTraits) {
    const network = new VirtualNetwork()
    network.traits = traits
    const [a, b] = [network.add('a'), network.add('b')]
    a.neighbourhood.addressFound('virtual', 'b', 0)
    network.run(100)
    cutAndReturn(network, a)
    return { network, a, b }
  }

  /** Virtual time until each is linked, from the moment that the dial opened a channel. */
  function timesUntilLinked(network: VirtualNetwork, peers: readonly VirtualPeer[]): number[] {
    while (peers.every((peer) => peer.openEnds().length === 0)) network.run(1)
    const openedAtMs = network.nowMs
    const times: number[] = []
    while (times.filter((time) => time >= 0).length < peers.length) {
      for (const [index, peer] of peers.entries()) {
        if (peer.toldOf('link-up').length > 0) times[index] ??= network.nowMs - openedAtMs
      }
      network.run(1)
    }
    return times
  }

  test('the responder is linked a round trip earlier than at first contact', () => {
    const { network, a, b } = pair()
    const [initiatorMs, responderMs] = timesUntilLinked(network, [a, b])
    // A round trip takes 10 ms.
    expect(initiatorMs).toBe(10)
    expect(responderMs).toBe(5)
    expect(b.counter('handshakesReturned')).toBe(1)
    const fresh = new VirtualNetwork()
    const [c, d] = [fresh.add('c'), fresh.add('d')]
    c.neighbourhood.addressFound('virtual', 'd', 0)
    expect(timesUntilLinked(fresh, [c, d])).toEqual([10, 15])
  })

  test.each([
    ['sealed', plainTraits],
    ['bound', { ...plainTraits, encrypted: true, binding: new Uint8Array(32) }],
  ])('an answer that was bent ends it at both ends, on a channel that is %s', (_name, traits) => {
    const { network, a, b } = pair(traits)
    network.tamper = (bytes, from) => {
      if (from.peer === b && from.sent.length === 1) bytes[50]! ^= 1
      return bytes
    }
    network.run(200)
    network.tamper = (bytes) => bytes
    expect(a.toldOf('link-up')).toHaveLength(0)
    for (const peer of [a, b]) {
      expect(peer.toldOf('problem').map(({ problem }) => problem.code)).toContain(
        'handshake-failed',
      )
      expect(peer.counter('framesUndecipherable')).toBe(0)
    }
    expect(b.toldOf('link-down').map(({ reason }) => reason)).toContain('handshake-failed')
    network.run(1_000)
    expect(a.neighbourhood.links()).toHaveLength(1)
  })
})
