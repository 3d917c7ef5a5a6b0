import { expect, test } from 'vitest'

import { followPage } from './page-lifecycle.ts'

class FakeDocument extends EventTarget {
  visibilityState: DocumentVisibilityState = 'visible'
}

/** A page by its events alone. */
class FakePage extends EventTarget {
  readonly document = new FakeDocument()
  readonly navigator = { onLine: true, connection: new EventTarget() }

  become(state: DocumentVisibilityState): void {
    this.document.visibilityState = state
    this.document.dispatchEvent(new Event('visibilitychange'))
  }

  pass(type: 'pagehide' | 'pageshow', persisted: boolean): void {
    this.dispatchEvent(Object.assign(new Event(type), { persisted }))
  }
}

function setUp(page: FakePage) {
  const told: string[] = []
  let end!: (problem: undefined) => void
  const ended = new Promise<undefined>((resolve) => {
    end = resolve
  })
  followPage(
    { ended, tellLifecycle: (transition, reason) => told.push(`${transition}: ${reason}`) },
    page,
  )
  return { told, ended, end }
}

test('[LK42] a mesh is told of everything that happens to its page and network, and why', () => {
  const page = new FakePage()
  const { told } = setUp(page)
  expect(told).toEqual([])
  page.become('hidden')
  page.document.dispatchEvent(new Event('freeze'))
  page.document.dispatchEvent(new Event('resume'))
  page.become('visible')
  page.dispatchEvent(new Event('offline'))
  page.dispatchEvent(new Event('online'))
  page.navigator.connection.dispatchEvent(new Event('change'))
  expect(told).toEqual([
    'hidden: visibilitychange',
    'frozen: freeze',
    'resumed: resume',
    'visible: visibilitychange',
    'offline: offline',
    'online: online',
    'network-changed: connection-change',
  ])
})

test('[LK42] a page that is kept for the way back is stopped until then; one that goes for good is not', () => {
  const page = new FakePage()
  const { told } = setUp(page)
  page.pass('pagehide', true)
  page.pass('pageshow', true)
  page.pass('pagehide', false)
  page.pass('pageshow', false)
  expect(told).toEqual(['frozen: pagehide', 'resumed: pageshow'])
})

test('a page that nobody has seen yet, or without a network, is so from the start', () => {
  const page = new FakePage()
  page.document.visibilityState = 'hidden'
  page.navigator.onLine = false
  expect(setUp(page).told).toEqual(['hidden: opening', 'offline: opening'])
})

test('a mesh that has ended is told nothing more', async () => {
  const page = new FakePage()
  const { told, ended, end } = setUp(page)
  end(undefined)
  await ended
  page.become('hidden')
  page.document.dispatchEvent(new Event('freeze'))
  page.dispatchEvent(new Event('offline'))
  page.navigator.connection.dispatchEvent(new Event('change'))
  expect(told).toEqual([])
})
