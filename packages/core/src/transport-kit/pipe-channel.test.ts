import { expect, test, vi } from 'vitest'
import type { ChannelCloseReason } from '../transport/channel.ts'
import type { Pipe, PipeEvents } from './pipe.ts'
import { PipeChannel } from './pipe-channel.ts'

/** A pipe that does nothing by itself and writes down what it is told. */
class StillPipe implements Pipe {
  bufferedBytes = 0
  full = false
  events: PipeEvents | undefined
  readonly told: string[] = []

  listen(events: PipeEvents): void {
    this.events = events
  }
  send(bytes: Uint8Array): void {
    this.told.push(`send ${bytes.length}`)
  }
  awaitDrain(): void {
    this.told.push('await drain')
  }
  close(reason: ChannelCloseReason): void {
    this.told.push(`close ${reason}`)
  }
  destroy(): void {
    this.told.push('destroy')
  }
}

function open(options: { firstMessageMs?: number } = {}) {
  const pipe = new StillPipe()
  const heard: string[] = []
  const channel = new PipeChannel({
    pipe,
    traits: {
      messageBytesMax: 100,
      reliable: true,
      ordered: true,
      encrypted: false,
      cost: { class: 'lan', metered: false },
    },
    ...options,
    gone: () => heard.push('gone'),
  })
  channel.attach({
    received: (bytes) => heard.push(`received ${bytes.length}`),
    drained: () => heard.push('drained'),
    closed: (reason) => heard.push(`closed ${reason}`),
  })
  return { pipe, heard, channel }
}

test('a full pipe is asked once to tell when it has drained', () => {
  const { pipe, heard, channel } = open()
  pipe.full = true
  expect(channel.send(new Uint8Array(1))).toBe('full')
  expect(channel.send(new Uint8Array(1))).toBe('full')
  expect(pipe.told).toEqual(['await drain'])
  pipe.events?.drained()
  expect(heard).toEqual(['drained'])
  channel.send(new Uint8Array(1))
  expect(pipe.told).toEqual(['await drain', 'await drain'])
})

test('an accepted pipe that brings nothing in its time is closed', async () => {
  vi.useFakeTimers()
  const { pipe, heard } = open({ firstMessageMs: 50 })
  await vi.advanceTimersByTimeAsync(50)
  expect(heard).toEqual(['closed protocol'])
  expect(pipe.told).toEqual(['close protocol'])
  vi.useRealTimers()
})

test('an accepted pipe that brings a message in its time stays', async () => {
  vi.useFakeTimers()
  const { pipe, heard } = open({ firstMessageMs: 50 })
  pipe.events?.message(new Uint8Array(3))
  await vi.advanceTimersByTimeAsync(1000)
  expect(heard).toEqual(['received 3'])
  vi.useRealTimers()
})

test('a closed pipe that does not go away is dropped after its time', async () => {
  vi.useFakeTimers()
  const { pipe, heard, channel } = open()
  channel.close()
  await vi.advanceTimersByTimeAsync(4999)
  expect(heard).toEqual(['closed local'])
  await vi.advanceTimersByTimeAsync(1)
  expect(pipe.told).toEqual(['close local', 'destroy'])
  expect(heard).toEqual(['closed local', 'gone'])
  pipe.events?.closed('lost')
  expect(heard).toEqual(['closed local', 'gone'])
  vi.useRealTimers()
})

test('stopping waits less for what does not go away', async () => {
  vi.useFakeTimers()
  const { pipe, heard, channel } = open()
  const stopped = channel.stop()
  await vi.advanceTimersByTimeAsync(1000)
  await stopped
  expect(pipe.told).toEqual(['close transport-stopped', 'destroy'])
  expect(heard).toEqual(['closed transport-stopped', 'gone'])
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

test.each([
  ['a text', undefined],
  ['an empty message', new Uint8Array(0)],
  ['a message beyond the bound', new Uint8Array(101)],
])('%s closes the channel as a breach of protocol', async (_name, bytes) => {
  const { pipe, heard } = open()
  pipe.events?.message(bytes)
  await Promise.resolve()
  expect(heard).toEqual(['closed protocol'])
  expect(pipe.told).toEqual(['close protocol'])
  pipe.events?.closed('lost')
})
