import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { problemCodes } from '../engine/problem.ts'

const document = readFileSync(new URL('../../../../docs/errors.md', import.meta.url), 'utf8')

test('docs/errors.md has one heading for each code, and no other', () => {
  const headings = [...document.matchAll(/^### (.*)$/gm)].map(([, heading]) => heading)
  expect(headings).toHaveLength(problemCodes.length)
  expect(new Set(headings)).toEqual(new Set(problemCodes))
})

test('each code has its cause and its remedy', () => {
  const sections = document.split(/^### /m).slice(1)
  for (const section of sections) {
    expect(section).toMatch(/\n\*\*Cause\.\*\* /)
    expect(section).toMatch(/\n\*\*Remedy\.\*\* /)
  }
})
