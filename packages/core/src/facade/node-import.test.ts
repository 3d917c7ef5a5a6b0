import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const entry = new URL('node.ts', import.meta.url).href
const run = promisify(execFile)

test('importing the library opens nothing, starts nothing, and lets the process end', async () => {
  const program = `
    const before = Object.keys(globalThis).length
    const names = Object.keys(await import(${JSON.stringify(entry)}))
    console.log(JSON.stringify({
      names,
      globals: Object.keys(globalThis).length - before,
      resources: process.getActiveResourcesInfo().filter((name) => name !== 'PipeWrap'),
    }))`
  const { stdout, stderr } = await run(
    process.execPath,
    ['--conditions=fieldmesh-source', '--input-type=module', '--eval', program],
    { cwd: fileURLToPath(new URL('.', import.meta.url)) },
  )
  expect(stderr).toBe('')
  expect(JSON.parse(stdout)).toEqual({
    names: ['Awareness', 'MeshError', 'openMesh'],
    globals: 0,
    resources: [],
  })
})
