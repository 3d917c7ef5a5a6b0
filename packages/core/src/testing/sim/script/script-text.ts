/** Scripts as text: JSON, one peer or step a line, for people to read and change. */

import type { Script } from './script.ts'

export function formatScript(script: Script): string {
  const { peers, steps, ...rest } = script
  const head = JSON.stringify(rest).slice(1, -1)
  const lines = (items: readonly unknown[]) =>
    items.map((item) => `\n    ${JSON.stringify(item)}`).join(',')
  return `{ ${head},\n  "peers": [${lines(peers)}],\n  "steps": [${lines(steps)}] }\n`
}

/** The script in a text; undefined when it is none. What its parts are like is taken on trust. */
export function parseScript(text: string): Script | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined
  const script = parsed as Partial<Script>
  const isScript =
    Number.isInteger(script.seed) &&
    Array.isArray(script.peers) &&
    Array.isArray(script.steps) &&
    Array.isArray(script.checks)
  return isScript ? (script as Script) : undefined
}
