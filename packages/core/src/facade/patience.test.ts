import { expect, test } from 'vitest'

import { within } from './patience.ts'

const never = new Promise<string>(() => {})

function timerCount(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
}

test('an outcome in time is the outcome, and no timer stays behind', async () => {
  const before = timerCount()
  expect(await within(Promise.resolve('done'), 60_000, () => 'late')).toBe('done')
  const error = new Error('failed')
  await expect(within(Promise.reject(error), 60_000, () => 'late')).rejects.toBe(error)
  expect(timerCount()).toBe(before)
})

test('what takes too long gives way to what is said for it', async () => {
  expect(await within(never, 0, () => 'late')).toBe('late')
  const error = new Error('too late')
  const outcome = within(never, 0, () => {
    throw error
  })
  await expect(outcome).rejects.toBe(error)
})
