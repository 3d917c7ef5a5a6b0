/** A page to which a large document arrives. */

import { openMesh } from './page.ts'

export interface FloodResult {
  readonly textLength: number
  readonly fieldCount: number
}

/** Opens the document and waits until all of it is there. */
export async function receiveLargeDocument(): Promise<FloodResult> {
  const worker = new Worker(new URL('flood-worker.test-page.ts', import.meta.url), {
    type: 'module',
  })
  const mesh = await openMesh({ app: 'flood', secret: '00'.repeat(32), worker })
  const note = await mesh.document('large')
  await note.whenLoaded
  const textLength = note.doc.getText('text').length
  const fieldCount = note.doc.getMap('fields').size
  await mesh.close()
  return { textLength, fieldCount }
}
