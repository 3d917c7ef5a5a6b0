import { expect, test } from 'vitest'
import { ChannelInbox, earlyBytesMax } from './channel-inbox.ts'
import type { ChannelHandlers } from '../transport/channel.ts'

/** Handlers that write down what they hear. */
function scribe(): ChannelHandlers & { readonly heard: string[] } {
  const heard: string[] = []
  return {
    heard,
    received: (bytes) => heard.push(`received ${bytes.join()}`),
    drained: () => heard.push('drained'),
    closed: (reason) => heard.push(`closed ${reason}`),
  }
}

const microtasks = () => Promise.resolve()

test('delivers early messages in order, before later ones and before the end', async () => {
  const inbox = new ChannelInbox()
  const handlers = scribe()
  inbox.receive(Uint8Array.of(1))
  inbox.attach(handlers)
  inbox.receive(Uint8Array.of(2))
  inbox.close('remote')
  expect(handlers.heard).toEqual([])
  await microtasks()
  expect(handlers.heard).toEqual(['received 1', 'received 2', 'closed remote'])
})

test('tells the end once, with the first reason, and nothing after it', async () => {
  const inbox = new ChannelInbox()
  const handlers = scribe()
  inbox.attach(handlers)
  inbox.close('lost')
  inbox.close('local')
  inbox.receive(Uint8Array.of(1))
  inbox.drained()
  await microtasks()
  inbox.close('remote')
  await microtasks()
  expect(handlers.heard).toEqual(['closed lost'])
})

test('keeps the end for handlers that come later', async () => {
  const inbox = new ChannelInbox()
  inbox.receive(Uint8Array.of(1))
  inbox.close('remote')
  const handlers = scribe()
  inbox.attach(handlers)
  await microtasks()
  expect(handlers.heard).toEqual(['received 1', 'closed remote'])
})

test('drops what nobody took when this end closes', async () => {
  const inbox = new ChannelInbox()
  const handlers = scribe()
  inbox.receive(Uint8Array.of(1))
  inbox.attach(handlers)
  inbox.close('local')
  await microtasks()
  expect(handlers.heard).toEqual(['closed local'])
})

test('a handler that closes hears no further message', async () => {
  const inbox = new ChannelInbox()
  const handlers = scribe()
  inbox.receive(Uint8Array.of(1))
  inbox.receive(Uint8Array.of(2))
  inbox.attach({
    ...handlers,
    received(bytes) {
      handlers.received(bytes)
      inbox.close('local')
    },
  })
  await microtasks()
  expect(handlers.heard).toEqual(['received 1', 'closed local'])
})

test('keeps no more early messages than the bound, but always one', () => {
  const inbox = new ChannelInbox()
  expect(inbox.receive(new Uint8Array(earlyBytesMax + 1))).toBe('taken')
  expect(inbox.receive(new Uint8Array(1))).toBe('overflow')
})

test('takes handlers once', () => {
  const inbox = new ChannelInbox()
  inbox.attach(scribe())
  expect(() => {
    inbox.attach(scribe())
  }).toThrow(/once/)
})
