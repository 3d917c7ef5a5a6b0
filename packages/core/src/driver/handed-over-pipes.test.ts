import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { HandedOverPipes } from './handed-over-pipes.ts'
import type { PipeOrder, PipeReport } from './pipe-records.ts'
import { createRecordPortPair } from './record-port.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** A port whose platform can move everything, or throws what it is told. */
function setUp() {
  const [port, engine] = createRecordPortPair<PipeOrder, PipeReport>()
  const orders: PipeOrder[] = []
  engine.receive((batch) => orders.push(...batch))
  const platform: { refusal: Error | undefined } = { refusal: undefined }
  const moved: object[] = []
  port.transfer = (record, objects) => {
    if (platform.refusal) throw platform.refusal
    moved.push(...objects)
    port.post(record)
  }
  const pipes = new HandedOverPipes(port)
  let openedCount = 0
  const handOver = () =>
    pipes.handOver({ name: 'data channel' }, 1000, () => {
      openedCount += 1
    })
  const report = async (...reports: PipeReport[]) => {
    for (const each of reports) engine.post(each)
    await settle()
  }
  return { pipes, handOver, report, orders, moved, platform, opened: () => openedCount }
}

async function settle() {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
}

async function isGone(gone: Promise<void> | undefined): Promise<boolean> {
  let isGone = false
  void gone?.then(() => {
    isGone = true
  })
  await settle()
  return isGone
}

test('a pipe is handed over, opens, closes when told, and is gone when the engine says so', async () => {
  const { pipes, handOver, report, orders, moved, opened } = setUp()
  const pipe = handOver()
  expect(moved).toEqual([{ name: 'data channel' }])
  await report({ type: 'pipe-adopted', pipe: 1 })
  expect(vi.getTimerCount()).toBe(0)
  expect(opened()).toBe(0)
  await report({ type: 'pipe-opened', pipe: 1 })
  expect(opened()).toBe(1)
  expect(pipes.count).toBe(1)
  pipe?.close('transport-stopped')
  expect(await isGone(pipe?.gone)).toBe(false)
  await report({ type: 'pipe-gone', pipe: 1 })
  expect(await isGone(pipe?.gone)).toBe(true)
  pipe?.close('local')
  pipe?.destroy()
  await settle()
  expect(orders.map(({ type }) => type)).toEqual(['pipe-handed-over', 'pipe-close'])
  expect(pipes.count).toBe(0)
})

test('what the platform cannot move is refused, then and ever after', async () => {
  const { handOver, moved, platform } = setUp()
  platform.refusal = new DOMException('could not be cloned', 'DataCloneError')
  expect(handOver()).toBeUndefined()
  platform.refusal = undefined
  expect(handOver()).toBeUndefined()
  expect(moved).toEqual([])
  expect(vi.getTimerCount()).toBe(0)
})

test('a pipe that never arrives is gone after its time, and the next one stays here', async () => {
  const { handOver, report } = setUp()
  const lost = handOver()
  const arrived = handOver()
  await report({ type: 'pipe-adopted', pipe: 2 })
  await vi.advanceTimersByTimeAsync(10_000)
  expect(await isGone(lost?.gone)).toBe(true)
  expect(await isGone(arrived?.gone)).toBe(false)
  expect(handOver()).toBeUndefined()
})

test('what is destroyed is gone at once, and what the engine says of it afterwards has no effect', async () => {
  const { handOver, report, orders, opened } = setUp()
  const pipe = handOver()
  pipe?.destroy()
  expect(await isGone(pipe?.gone)).toBe(true)
  await report({ type: 'pipe-adopted', pipe: 1 }, { type: 'pipe-opened', pipe: 1 })
  expect(opened()).toBe(0)
  expect(orders.at(-1)).toEqual({ type: 'pipe-destroy', pipe: 1 })
  expect(vi.getTimerCount()).toBe(0)
})

test('closing ends every pipe, and nothing is handed over any more', async () => {
  const { pipes, handOver } = setUp()
  const [one, other] = [handOver(), handOver()]
  pipes.close()
  expect(await isGone(one?.gone)).toBe(true)
  expect(await isGone(other?.gone)).toBe(true)
  expect(handOver()).toBeUndefined()
})
