import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { readmeFiles, readmeHotModule } from './readme-files.ts'

test('the README shows the files of the example', () => {
  expect([...readmeFiles().keys()]).toEqual([
    'index.html',
    'src/engine.worker.ts',
    'src/main.ts',
    'kitchen.mjs',
    'src/more.ts',
  ])
})

test('the module to be replaced differs in how the mesh is opened and closed', () => {
  const lines = readmeHotModule().split('\n')
  const before = readmeFiles().get('src/main.ts')!.split('\n')
  const added = lines.filter((line) => !before.includes(line))
  expect(added).toHaveLength(4)
  expect(before.filter((line) => !lines.includes(line))).toEqual(['const mesh = await openMesh({'])
})

test('what the README links to is there', () => {
  const root = new URL('../../', import.meta.url)
  const readme = readFileSync(new URL('README.md', root), 'utf8')
  const paths = [...readme.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, path]) => path!)
  expect(paths.length).toBeGreaterThan(5)
  expect(paths.filter((path) => !existsSync(new URL(path, root)))).toEqual([])
})
