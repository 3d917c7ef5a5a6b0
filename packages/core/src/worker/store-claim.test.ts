import { afterEach, describe, expect, test } from 'vitest'
import { claimStore, type StoreClaim } from './store-claim.ts'

const claims: (StoreClaim | undefined)[] = []
let storeCount = 0

afterEach(() => {
  for (const claim of claims.splice(0)) claim?.release()
})

function newName(): string {
  storeCount += 1
  return `fieldmesh:claim-test-${process.pid}:${storeCount}`
}

const ways = {
  'by a lock': {},
  'by asking, where there are no locks': { locks: undefined },
}

for (const [way, options] of Object.entries(ways)) {
  describe(`a store claimed ${way}`, () => {
    async function claim(name: string, patienceMs = 100) {
      const claimed = await claimStore(name, { ...options, patienceMs, answerMs: 40 })
      claims.push(claimed)
      return claimed
    }

    test('is refused to the next one, but not another store', async () => {
      const name = newName()
      expect(await claim(name)).toBeDefined()
      expect(await claim(name)).toBeUndefined()
      expect(await claim(newName())).toBeDefined()
    })

    test('is had by who waits, once it is released', async () => {
      const name = newName()
      const first = await claim(name)
      const second = claim(name, 10_000)
      first?.release()
      expect(await second).toBeDefined()
      expect(await claim(name)).toBeUndefined()
    })

    test('is had by exactly one of those who ask at the same time', async () => {
      const name = newName()
      const outcomes = await Promise.all(Array.from({ length: 8 }, async () => claim(name)))
      expect(outcomes.filter((outcome) => outcome !== undefined)).toHaveLength(1)
    })
  })
}
