/** What an engine tells of sleep, page and network, and what it does about them. */

import { expect, test } from 'vitest'

import { createYjsDocuments } from '../documents/yjs-documents.ts'
import { nodeCryptography } from '../driver/node-cryptography.ts'
import { createFlightRecorder } from '../recorder/recorder.ts'
import type { Command } from './command.ts'
import { Engine } from './engine.ts'
import type { LifecycleChange } from './lifecycle-change.ts'
import type { Output } from './output.ts'

type Told = Extract<Command, { type: 'tell-lifecycle' }>

/** An engine that dials one address, which cannot be reached. */
function setUp() {
  const flight = createFlightRecorder()
  const engine = new Engine({
    app: 'cafe',
    secret: new Uint8Array(32).fill(1),
    identitySecretKey: new Uint8Array(32).fill(2),
    epoch: 1,
    seed: new Uint8Array(32).fill(3),
    name: '',
    platform: 'node',
    metadata: {},
    cryptography: nodeCryptography,
    documents: createYjsDocuments(),
    recorder: flight.recorder,
  })
  const changes: LifecycleChange[] = []
  let dialCount = 0
  const settle = (nowMs: number): void => {
    const outputs: Output[] = []
    for (let output = engine.poll(); output; output = engine.poll()) outputs.push(output)
    for (const output of outputs) {
      if (output.type === 'event' && output.event.type === 'lifecycle-changed') {
        changes.push(output.event.change)
      }
      if (output.type !== 'dial') continue
      dialCount += 1
      const { dial } = output
      engine.handle({ type: 'dial-failed', dial, reason: 'unreachable', message: '' }, nowMs)
      settle(nowMs)
    }
  }
  const hand = (input: Parameters<Engine['handle']>[0], nowMs: number): void => {
    engine.handle(input, nowMs)
    settle(nowMs)
  }
  const capabilities = {
    canListen: false,
    canDial: true,
    needsUserGesture: false,
    needsSignalling: false,
  }
  hand({ type: 'transport-started', transport: 'tcp', capabilities }, 0)
  hand({ type: 'address-found', transport: 'tcp', address: 'hub' }, 0)
  /** Lets all deadlines pass until then. */
  const run = (untilMs: number): void => {
    for (let nowMs = engine.nextDeadlineMs(); nowMs <= untilMs; nowMs = engine.nextDeadlineMs()) {
      hand({ type: 'deadline' }, nowMs)
    }
  }
  const tell = (
    transition: Told['transition'],
    reason: Told['reason'],
    nowMs: number,
  ): readonly LifecycleChange[] => {
    const before = changes.length
    const body: Command = { type: 'tell-lifecycle', transition, reason }
    hand({ type: 'command', command: 1, body }, nowMs)
    return changes.slice(before)
  }
  const recorded = () =>
    flight
      .events()
      .filter(({ room }) => room === 'lifecycle')
      .map(({ arguments: { transition, reason } }) => `${transition}: ${reason}`)
  return { engine, changes, hand, run, tell, recorded, dialCount: () => dialCount }
}

test('[LK42] each transition is one event with its reason, told and recorded; none is told twice', () => {
  const { tell, changes, recorded } = setUp()
  tell('hidden', 'visibilitychange', 10)
  tell('hidden', 'visibilitychange', 20)
  tell('frozen', 'freeze', 30)
  tell('frozen', 'pagehide', 40)
  tell('resumed', 'pageshow', 50)
  tell('resumed', 'resume', 60)
  tell('visible', 'visibilitychange', 70)
  tell('offline', 'offline', 80)
  tell('online', 'online', 90)
  tell('network-changed', 'connection-change', 100)
  tell('network-changed', 'connection-change', 110)
  const expected = [
    'hidden: visibilitychange',
    'frozen: freeze',
    'resumed: pageshow',
    'visible: visibilitychange',
    'offline: offline',
    'online: online',
    'network-changed: connection-change',
    'network-changed: connection-change',
  ]
  expect(changes.map(({ transition, reason }) => `${transition}: ${reason}`)).toEqual(expected)
  expect(recorded()).toEqual(expected)
  expect(changes.map(({ state }) => state).slice(0, 5)).toEqual([
    { isHidden: true, isFrozen: false, isOnline: true },
    { isHidden: true, isFrozen: true, isOnline: true },
    { isHidden: true, isFrozen: false, isOnline: true },
    { isHidden: false, isFrozen: false, isOnline: true },
    { isHidden: false, isFrozen: false, isOnline: false },
  ])
})

test.each([
  ['online', 'online'],
  ['resumed', 'resume'],
  ['network-changed', 'connection-change'],
] as const)('[LK42] %s: what waits is dialled at once', (transition, reason) => {
  const { tell, run, dialCount } = setUp()
  run(60_000)
  tell('offline', 'offline', 60_000)
  tell('frozen', 'freeze', 60_000)
  const before = dialCount()
  tell(transition, reason, 60_001)
  expect(dialCount()).toBe(before + 1)
})

test('[LK42] offline gives nothing up: it goes on dialling', () => {
  const { tell, run, dialCount } = setUp()
  run(60_000)
  tell('offline', 'offline', 60_000)
  tell('frozen', 'freeze', 60_000)
  const before = dialCount()
  run(180_000)
  expect(dialCount()).toBeGreaterThan(before + 2)
})

test('[LK42] a network that a transport sees change is another one', () => {
  const { hand, changes, run, dialCount } = setUp()
  run(60_000)
  const before = dialCount()
  hand({ type: 'network-changed', transport: 'udp' }, 60_001)
  expect(changes).toMatchObject([{ transition: 'network-changed', reason: 'interface-change' }])
  expect(dialCount()).toBe(before + 1)
})

test('[LK7] waking is told with how long nothing ran, and what waits is dialled at once', () => {
  const { engine, hand, run, changes, dialCount, recorded } = setUp()
  run(60_000)
  const before = dialCount()
  const deadlineMs = engine.nextDeadlineMs()
  hand({ type: 'deadline' }, deadlineMs + 600_000)
  expect(changes).toMatchObject([{ transition: 'woke', reason: 'late-deadline', sleptMs: 600_000 }])
  expect(recorded()).toEqual(['woke: late-deadline'])
  expect(dialCount()).toBeGreaterThan(before)
})

test('[LK7] a clock that leaps tells of a sleep that no deadline has told of', () => {
  const { engine, hand, run, changes, dialCount } = setUp()
  run(60_000)
  const before = dialCount()
  hand({ type: 'woke', sleptMs: 2_500 }, 60_001)
  expect(changes).toMatchObject([{ transition: 'woke', reason: 'clock-leap', sleptMs: 2_500 }])
  expect(dialCount()).toBe(before + 1)
  const lateMs = engine.nextDeadlineMs() + 600_000
  hand({ type: 'deadline' }, lateMs)
  hand({ type: 'woke', sleptMs: 600_000 }, lateMs)
  expect(changes.map(({ reason }) => reason)).toEqual(['clock-leap', 'late-deadline'])
})
