// `npm start`: makes the tools ready, then starts the demo.

import { run, runMain } from './process.mjs'
import { ensureToolchain, ROOT } from './toolchain.mjs'

await runMain(async () => {
  await ensureToolchain()
  const { code } = await run('pnpm', ['--filter', '@fieldmesh/demo', 'start'], { cwd: ROOT })
  return code
})
