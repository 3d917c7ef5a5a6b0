import { expect, test } from 'vitest'
import { Dice } from './dice.ts'

const draws = (dice: Dice) => Array.from({ length: 50 }, () => dice.integer(0, 1_000_000))

test('a name determines the draws, and other names draw otherwise', () => {
  expect(draws(new Dice('one'))).toEqual(draws(new Dice('one')))
  expect(draws(new Dice('one'))).not.toEqual(draws(new Dice('two')))
})

test('what is drawn does not affect forks, and forks differ from each other', () => {
  const used = new Dice('one')
  draws(used)
  expect(draws(used.fork('a'))).toEqual(draws(new Dice('one').fork('a')))
  expect(draws(used.fork('a'))).not.toEqual(draws(used.fork('b')))
})

test('draws fill their range evenly', () => {
  const dice = new Dice('even')
  const counts = Array.from({ length: 10 }, () => 0)
  for (let count = 0; count < 10_000; count += 1) counts[dice.integer(0, 9)]! += 1
  for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(150)
})

test('magnitudes stay in their range and favour none', () => {
  const dice = new Dice('magnitudes')
  const values = Array.from({ length: 3_000 }, () => dice.magnitude(10, 10_000))
  expect(Math.min(...values)).toBeGreaterThanOrEqual(10)
  expect(Math.max(...values)).toBeLessThanOrEqual(10_000)
  const below = values.filter((value) => value < 100).length
  expect(Math.abs(below - 1_000)).toBeLessThan(120)
})
