/**
 * docs/limits.md lists the bounds of the sources: each of them, with its value, and no other. The
 * specifications list other constants, with their values.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')
/** Rooms whose constants bound tests, not the library. */
const testRooms = /\/testing|\.test|virtual-network/
const unitFactors: Readonly<Record<string, number>> = {
  bytes: 1,
  KiB: 1024,
  MiB: 1024 * 1024,
  ms: 1,
  s: 1_000,
  min: 60_000,
  h: 3_600_000,
}

interface Constant {
  readonly file: string
  readonly name: string
  readonly expression: string
}

interface Row {
  /** Folder of the section, below `packages`. */
  readonly room: string
  readonly file: string
  readonly name: string
  readonly value: string
}

/** Constants at the top level of the sources, one line each. */
function readConstants(): Constant[] {
  const folders = readdirSync(join(root, 'packages')).map((name) => join('packages', name, 'src'))
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .map((name) => join(folder, name))
      .filter((file) => file.endsWith('.ts') && !testRooms.test(file))
      .flatMap((file) => {
        const text = readFileSync(join(root, file), 'utf8')
        return [...text.matchAll(/^(?:export )?const (\w+)\b.* =\s+(.+)$/gm)].map(
          ([, name = '', expression = '']) => ({ file, name, expression }),
        )
      }),
  )
}

function readRows(document: string): Row[] {
  let room = ''
  return readFileSync(join(root, document), 'utf8')
    .split('\n')
    .flatMap((line) => {
      room = /^`(packages\/[\w/-]+)`$/.exec(line)?.[1] ?? room
      const row = /^\| `(\w+)` \| ([\w-]+) \| (.+?) \| .+ \|$/.exec(line)
      if (row === null) return []
      const [, name = '', file = '', value = ''] = row
      return [{ room, file, name, value }]
    })
}

/** The number that an expression of numbers stands for; `undefined` for any other. */
function valueOfExpression(expression: string): number | undefined {
  const sum = expression.replaceAll('_', '').split(' - ')
  const values = sum.map((term) =>
    term.split(' * ').reduce((product, factor) => product * valueOfFactor(factor), 1),
  )
  const value = values.reduce((total, next) => total - next)
  return Number.isNaN(value) ? undefined : value
}

function valueOfFactor(factor: string): number {
  const power = /^(\d+) \*\* (\d+)$/.exec(factor)
  return power === null ? Number(factor) : Number(power[1]) ** Number(power[2])
}

/** The number that a cell of the table states; `undefined` where it shows code. */
function valueOfCell(cell: string): number | undefined {
  if (cell.startsWith('`')) return undefined
  const power = /^(\d+)\^(\d+)(?: - (\d+))?$/.exec(cell)
  if (power !== null) return Number(power[1]) ** Number(power[2]) - Number(power[3] ?? 0)
  const [, digits = '', unit] = /^([\d,.]+)(?: (\w+))?$/.exec(cell) ?? []
  return Number(digits.replaceAll(',', '')) * (unit === undefined ? 1 : (unitFactors[unit] ?? NaN))
}

const constants = readConstants()
const rows = readRows('docs/limits.md')

function constantOf({ room, file, name }: Row): Constant | undefined {
  return constants.find(
    (constant) =>
      constant.name === name &&
      constant.file.startsWith(`${room}/`) &&
      basename(constant.file, '.ts') === file,
  )
}

/** Rows whose value is not that of the source. */
function wrongOf(listed: readonly Row[]): Row[] {
  return listed.filter((row) => {
    const expression = constantOf(row)?.expression ?? ''
    const value = valueOfExpression(expression)
    if (value === undefined) return row.value !== `\`${expression}\``
    return valueOfCell(row.value) !== value
  })
}

describe.each([
  ['docs/specs/link.md', 20],
  ['docs/specs/connection.md', 20],
  ['docs/specs/links.md', 10],
])('the constants of %s', (spec, countMin) => {
  const listed = readRows(spec)

  test('are there, with these values, and not in docs/limits.md', () => {
    expect(listed.length).toBeGreaterThan(countMin)
    expect(listed.filter((row) => constantOf(row) === undefined)).toEqual([])
    expect(wrongOf(listed)).toEqual([])
    const bounds = new Set(rows.map((row) => constantOf(row)))
    expect(listed.filter((row) => bounds.has(constantOf(row)))).toEqual([])
  })
})

describe('docs/limits.md', () => {
  test('finds the bounds of the sources', () => {
    expect(constants.length).toBeGreaterThan(300)
    expect(rows.length).toBeGreaterThan(100)
  })

  test('lists every constant whose name ends in Max', () => {
    const listed = new Set(rows.map((row) => constantOf(row)))
    const missing = constants.filter(
      (constant) => constant.name.endsWith('Max') && !listed.has(constant),
    )
    expect(missing).toEqual([])
  })

  test('lists nothing that is gone, and nothing twice', () => {
    expect(rows.filter((row) => constantOf(row) === undefined)).toEqual([])
    expect(new Set(rows.map((row) => constantOf(row))).size).toBe(rows.length)
  })

  test('states their values', () => {
    expect(wrongOf(rows)).toEqual([])
  })
})
