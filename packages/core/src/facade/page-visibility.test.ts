import { expect, test } from 'vitest'

import { followVisibility } from './page-visibility.ts'

class FakePage extends EventTarget {
  visibilityState: DocumentVisibilityState = 'visible'

  become(state: DocumentVisibilityState): void {
    this.visibilityState = state
    this.dispatchEvent(new Event('visibilitychange'))
  }
}

function setUp(page: FakePage) {
  const told: boolean[] = []
  let end!: (problem: undefined) => void
  const ended = new Promise<undefined>((resolve) => {
    end = resolve
  })
  followVisibility({ ended, setHidden: (isHidden) => told.push(isHidden) }, page)
  return { told, ended, end }
}

test('a mesh is told when its page is hidden and when it is seen again, until it has ended', async () => {
  const page = new FakePage()
  const { told, ended, end } = setUp(page)
  expect(told).toEqual([])
  page.become('hidden')
  page.become('visible')
  expect(told).toEqual([true, false])
  end(undefined)
  await ended
  page.become('hidden')
  expect(told).toEqual([true, false])
})

test('a page that nobody has seen yet is hidden from the start', () => {
  const page = new FakePage()
  page.visibilityState = 'hidden'
  expect(setUp(page).told).toEqual([true])
})
