import { expect, test } from 'vitest'
import { faultKinds } from '../faults/faults.ts'
import { diameterOf } from './script.ts'
import { formatScript, parseScript } from './script-text.ts'
import { drawScript } from './swarm.ts'

const scripts = Array.from({ length: 200 }, (_, index) => drawScript(index + 1))

test('a seed draws the same script again', () => {
  expect(drawScript(7)).toEqual(drawScript(7))
  expect(drawScript(7)).not.toEqual({ ...drawScript(8), seed: 7 })
})

test('steps are in the order of time and end before all is mended', () => {
  for (const { steps, faultyMs } of scripts) {
    const times = steps.map(({ atMs }) => atMs)
    expect(times).toEqual([...times].sort((left, right) => left - right))
    expect(Math.max(...times)).toBeLessThanOrEqual(faultyMs)
  }
})

test('every kind of fault is on in some seeds and off in others', () => {
  for (const kind of faultKinds) {
    const on = scripts.filter(({ steps }) => steps.some(({ type }) => type === kind)).length
    expect({ kind, isCommon: on > 20 }).toEqual({ kind, isCommon: true })
    expect({ kind, isRare: on < 180 }).toEqual({ kind, isRare: true })
  }
})

test('every peer can reach every other in some way', () => {
  for (const { peers } of scripts) {
    expect(peers.slice(1).every(({ dials }) => dials.length > 0)).toBe(true)
    expect(diameterOf(peers)).toBeLessThan(peers.length)
  }
})

test('a script is the same after it was text, and other text is none', () => {
  for (const script of scripts.slice(0, 20)) {
    expect(parseScript(formatScript(script))).toEqual(script)
  }
  for (const text of ['', '{', 'null', '[]', '{"seed":1}']) {
    expect(parseScript(text)).toBeUndefined()
  }
})
