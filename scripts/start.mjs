// `npm start`: makes the tools ready, then starts the demo.

import { ensureChromium } from './chromium.mjs'
import { run, runMain } from './process.mjs'
import { ensureToolchain, ROOT } from './toolchain.mjs'

await runMain(async () => {
  await ensureToolchain()
  await ensureChromium()
  const { code } = await run('pnpm', ['--filter', '@fieldmesh/demo', 'start'], { cwd: ROOT })
  return code
})
