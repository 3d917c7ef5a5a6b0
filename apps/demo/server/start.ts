// The demo on one machine: a hub in a process of its own, so that it can be stopped while the page
// stays, and a web server for the page. `pnpm --filter @fieldmesh/demo start`.

import { networkInterfaces } from 'node:os'
import { createInterface } from 'node:readline'
import { renderUnicodeCompact } from 'uqr'
import { demoSettings } from './demo-settings.ts'
import { HubProcess } from './hub-process.ts'
import { buildPage, servePage } from './page-server.ts'

const settings = demoSettings()

console.log('building the page …')
await buildPage()
const hub = new HubProcess(settings)
await hub.start()
const page = await servePage({ ...settings, hubPort: hub.port })

const [lanAddress] = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .filter(({ family, internal }) => family === 'IPv4' && !internal)
  .map(({ address }) => address)
const here = `http://localhost:${page.port}`
const there = lanAddress === undefined ? here : `http://${lanAddress}:${page.port}`
console.log(`
${renderUnicodeCompact(there)}
  Corner Café
  on this machine     ${here}
  on other devices    ${there}
  hub                 port ${hub.port}, process ${hub.processId}

  h Enter  stop or start the hub        q Enter  quit
`)

let isEnding = false
const end = async () => {
  if (isEnding) return
  isEnding = true
  await Promise.all([hub.stop(), page.close()])
  process.exit(0)
}
process.on('SIGINT', () => void end())
process.on('SIGTERM', () => void end())

/** Stops or starts the hub; presses while that is under way do nothing. */
let isTurning = false
const turnHub = async () => {
  if (isTurning) return
  isTurning = true
  if (hub.isRunning) {
    await hub.stop()
    console.log('the hub is stopped; the pages go on together')
  } else {
    await hub.start()
    console.log('the hub runs again')
  }
  isTurning = false
}

const keys = createInterface({ input: process.stdin })
keys.on('line', (line) => {
  const key = line.trim().toLowerCase()
  if (key === 'q') void end()
  if (key === 'h') void turnHub()
})
