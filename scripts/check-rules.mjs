// Holds the specifications and the tests together. Each rule of docs/specs has one id, the title of
// at least one test carries it (`[LK3] …`), and no title carries an id that no rule has. A rule that
// no test can show says so where it stands: `(not tested: reason)`.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const specsFolder = 'docs/specs'
const vectorsFolder = 'docs/specs/vectors'
/** Rules stand in the specifications, and in these. */
const otherDocuments = ['docs/observability.md']
const testFolders = ['packages', 'apps', 'bench', 'scripts']
const ignoredFolders = new Set(['node_modules', 'dist', '.cache'])

/** Where a rule begins: `### LK3 Title`, `**LK3** text`, `**LK3. Title.**` or `- [LK3] text`. */
const ruleStart = /^(?:#{2,4} |\*\*|- \*\*|- \[|\*\*\[)([A-Z]{2}[0-9]+)\b/
/** Ids in a title: `[LK3]`, `[LK3, LK4]`. */
const titleIds = /\[([A-Z]{2}[0-9]+(?:, [A-Z]{2}[0-9]+)*)\]/g
const stringLiteral = /'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g
const notTested = /\(not tested: [^)]+\)/

const rules = readRules()
const titles = readTitles()
const complaints = []

for (const [id, { files, isTestable }] of rules) {
  if (files.length > 1) complaints.push(`${id} is the id of several rules: ${files.join(', ')}`)
  if (isTestable && !titles.has(id)) complaints.push(`${files[0]}: no test title carries [${id}]`)
  if (!isTestable && titles.has(id)) {
    complaints.push(`${files[0]}: ${id} is said to be not tested, but ${titles.get(id)} tests it`)
  }
}
for (const [id, file] of titles) {
  if (!rules.has(id)) complaints.push(`${file}: no rule has the id ${id}`)
}

for (const complaint of complaints) console.error(complaint)
if (complaints.length > 0) process.exitCode = 1
else console.log(`${rules.size} rules, each with a test or a reason`)

/** The rules by id: the files that define it, and whether a test is asked for. */
function readRules() {
  const rulesById = new Map()
  const specs = readdirSync(join(root, specsFolder)).filter((name) => name.endsWith('.md'))
  for (const file of [...specs.map((name) => join(specsFolder, name)), ...otherDocuments]) {
    let current
    for (const line of readFileSync(join(root, file), 'utf8').split('\n')) {
      const id = ruleStart.exec(line)?.[1]
      if (id !== undefined) {
        current = rulesById.get(id) ?? { files: [], isTestable: true }
        current.files.push(file)
        rulesById.set(id, current)
      } else if (line.startsWith('#')) {
        current = undefined
      }
      if (current !== undefined && notTested.test(line)) current.isTestable = false
    }
  }
  return rulesById
}

/** The ids in strings of test files and published suites, each with a file that has it. */
function readTitles() {
  const files = testFolders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /(\.test|-suite)\.ts$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => !path.split('/').some((part) => ignoredFolders.has(part))),
  )
  const fileById = new Map()
  for (const path of files) {
    for (const [literal] of readFileSync(path, 'utf8').matchAll(stringLiteral)) {
      for (const [, ids] of literal.matchAll(titleIds)) {
        for (const id of ids.split(', ')) fileById.set(id, path.slice(root.length + 1))
      }
    }
  }
  // Vectors that name their rule are titled with it.
  for (const name of readdirSync(join(root, vectorsFolder))) {
    const text = readFileSync(join(root, vectorsFolder, name), 'utf8')
    for (const [, id] of text.matchAll(/"rule": "([A-Z]{2}[0-9]+)"/g)) {
      fileById.set(id, join(vectorsFolder, name))
    }
  }
  return fileById
}
