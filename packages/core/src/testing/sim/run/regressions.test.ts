/** What seeds have found does not come back: see regressions.ts. */

import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createYjsDocuments } from '../../../documents/yjs-documents.ts'
import { nodeCryptography } from '../../../driver/node-cryptography.ts'
import { parseScript } from '../script/script-text.ts'
import { regressions } from './regressions.ts'
import { runTwice } from './run-twice.ts'

const options = { cryptography: nodeCryptography, documents: createYjsDocuments() }
const folder = new URL('regressions/', import.meta.url)

test.each(regressions)('$bug ($file)', ({ file }) => {
  const script = parseScript(readFileSync(new URL(`${file}.json`, folder), 'utf8'))!
  expect(runTwice(script, options).violations).toEqual([])
})

test('every script that is kept is run', () => {
  const files = regressions.map(({ file }) => `${file}.json`)
  expect(readdirSync(folder).sort()).toEqual(files.sort())
})
