// Writes docs/instruments.md from the registry of instruments. With `--check` it writes nothing and
// fails when the file is not what it would write.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { registry } from '../packages/core/src/recorder/registry.ts'

const FILE = 'docs/instruments.md'
const path = join(import.meta.dirname, '..', FILE)
const text = instrumentsDocument()

if (!process.argv.includes('--check')) {
  writeFileSync(path, text)
} else if (readIfThere(path) !== text) {
  console.error(`${FILE} is not up to date. Write it with: node scripts/write-instruments.mjs`)
  process.exitCode = 1
}

function instrumentsDocument() {
  const lines = [
    '<!-- Written by scripts/write-instruments.mjs from packages/core/src/recorder/registry. -->',
    '',
    '# Instruments',
    '',
    'Every counter, gauge, histogram and event that a peer records, by room. What they are recorded',
    'with, and how an argument of an event leaves the device by its class (`public`, `id`, `net`,',
    '`text`), is said in [observability.md](observability.md).',
  ]
  for (const [room, declarations] of Object.entries(registry)) {
    const entries = Object.entries(declarations)
    if (entries.length === 0) continue
    lines.push('', `## ${room}`)
    const values = entries.filter(([, { type }]) => type !== 'event')
    if (values.length > 0) {
      const rows = values.map(([name, { type, unit, help }]) => [`\`${name}\``, type, unit, help])
      lines.push('', ...table(['Name', 'Type', 'Unit', 'Meaning'], rows))
    }
    const events = entries.filter(([, { type }]) => type === 'event')
    if (events.length > 0) {
      const rows = events.map(([name, { level, parameters, help }]) => {
        const described = parameters.map(([parameter, privacy]) => `\`${parameter}\` (${privacy})`)
        return [`\`${name}\``, level, described.join(', '), help]
      })
      lines.push('', ...table(['Event', 'Level', 'Arguments', 'Meaning'], rows))
    }
  }
  return `${lines.join('\n')}\n`
}

/** A table as prettier would write it: the cells of a column are of one width. */
function table(header, rows) {
  const cells = [header, ...rows].map((row) => row.map((cell) => cell.replaceAll('|', '\\|')))
  const widths = header.map((_, column) => Math.max(3, ...cells.map((row) => row[column].length)))
  const line = (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`
  const rule = widths.map((width) => '-'.repeat(width))
  return [line(cells[0]), line(rule), ...cells.slice(1).map(line)]
}

function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
