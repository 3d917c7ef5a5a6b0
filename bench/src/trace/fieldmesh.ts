/** Ours: two pages connected directly, and both with a hub, a Node peer with its store on disk. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openMesh, type SharedDocument } from '@fieldmesh/core'
import { sqliteStorage } from '@fieldmesh/core/storage/sqlite'
import { websocket } from '@fieldmesh/transport-websocket'
import type { Technology } from './typing-contest.ts'

/** What a page needs to join. */
export interface FieldmeshMeeting {
  readonly secret: string
  readonly hubUrl: string
}

export const fieldmesh: Technology = {
  name: 'fieldmesh',
  page: new URL('fieldmesh.page.ts', import.meta.url),
  async openMeeting() {
    const folder = await mkdtemp(join(tmpdir(), 'fieldmesh-bench-'))
    const secret = '7e'.repeat(32)
    const transport = websocket({ listen: { host: '127.0.0.1', port: 0 } })
    const hub = await openMesh({
      app: 'trace',
      secret,
      name: 'hub',
      storage: sqliteStorage({ path: join(folder, 'hub.sqlite') }),
      transports: [transport],
    })
    const port = transport.listening?.port
    if (port === undefined) throw new Error('the hub does not listen')
    const meeting: FieldmeshMeeting = { secret, hubUrl: `ws://127.0.0.1:${port}` }
    return {
      meeting,
      // Opened only now: a hub stores and hands on, nobody edits there.
      arrived: async (endContent) => textArrived(await hub.document('paper'), endContent),
      async close() {
        await hub.close()
        await rm(folder, { recursive: true, force: true })
      },
    }
  },
}

async function textArrived({ doc }: SharedDocument, endContent: string): Promise<void> {
  const text = doc.getText('paper')
  const isThere = () => text.length === endContent.length && text.toJSON() === endContent
  return new Promise((resolve) => {
    const look = () => {
      if (!isThere()) return
      doc.off('afterTransaction', look)
      resolve()
    }
    doc.on('afterTransaction', look)
    look()
  })
}
