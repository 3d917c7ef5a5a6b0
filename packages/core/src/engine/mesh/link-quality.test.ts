import { expect, test } from 'vitest'
import { qualityOfStep, qualityStepOf, type JudgedLink } from './link-quality.ts'

/** The quality of a link that was not judged before. */
function quality(link: JudgedLink) {
  return qualityOfStep(qualityStepOf(link, 0))
}

test('[PR15] without a round trip there is no quality', () => {
  expect(quality({ rttMs: undefined, lossRatio: 0 })).toBeUndefined()
  expect(qualityStepOf({ rttMs: undefined }, 3)).toBe(0)
})

test('[PR15] the worst of what is measured decides', () => {
  const best = { rttMs: 20, lossRatio: 0.01, bandwidthBytesPerSecond: 1_000_000 }
  expect(quality(best)).toBe('excellent')
  expect(quality({ rttMs: 20 })).toBe('excellent')
  expect(quality({ ...best, rttMs: 21 })).toBe('good')
  expect(quality({ ...best, lossRatio: 0.011 })).toBe('good')
  expect(quality({ ...best, bandwidthBytesPerSecond: 999_999 })).toBe('good')
  const good = { rttMs: 100, lossRatio: 0.03, bandwidthBytesPerSecond: 100_000 }
  expect(quality(good)).toBe('good')
  expect(quality({ ...good, rttMs: 101 })).toBe('fair')
  expect(quality({ ...good, lossRatio: 0.031 })).toBe('fair')
  expect(quality({ ...good, bandwidthBytesPerSecond: 99_999 })).toBe('fair')
  const fair = { rttMs: 500, lossRatio: 0.1, bandwidthBytesPerSecond: 10_000 }
  expect(quality(fair)).toBe('fair')
  expect(quality({ ...fair, rttMs: 501 })).toBe('poor')
  expect(quality({ ...fair, lossRatio: 0.11 })).toBe('poor')
  expect(quality({ ...fair, bandwidthBytesPerSecond: 9_999 })).toBe('poor')
})

test('[PR15] a step is kept until a measurement is beyond its limit by a fifth', () => {
  const good = qualityStepOf({ rttMs: 90 }, 0)
  expect(qualityStepOf({ rttMs: 120 }, good)).toBe(good)
  expect(qualityStepOf({ rttMs: 121 }, good)).toBe(good - 1)
  expect(qualityStepOf({ rttMs: 17 }, good)).toBe(good)
  expect(qualityStepOf({ rttMs: 16.6 }, good)).toBe(good + 1)
  expect(qualityStepOf({ rttMs: 5_000 }, good)).toBe(1)
})
