/** The page in place of the app when the mesh cannot be opened: what is wrong and what to do. */

import { MeshError } from '@fieldmesh/core'
import { element } from './element.ts'

/** A whole page for one obstacle. */
export function obstacleView(error: unknown): HTMLElement {
  const isElsewhere = error instanceof MeshError && error.code === 'store-in-use'
  const title = isElsewhere ? 'The café is open in another tab' : 'The café cannot open'
  const text = isElsewhere
    ? 'One tab at a time works with the orders of this device. Go on there, or close it and open the café here.'
    : error instanceof Error
      ? error.message
      : String(error)
  const code = error instanceof MeshError ? error.code : undefined
  return element(
    'main',
    { class: 'obstacle', 'data-code': code ?? 'unknown' },
    element('img', { src: '/icon.svg', alt: '', width: '72', height: '72' }),
    element('h1', {}, title),
    element('p', {}, text),
    element(
      'button',
      { type: 'button', class: 'primary', onclick: () => location.reload() },
      isElsewhere ? 'Open it here' : 'Try again',
    ),
    code !== undefined && element('p', { class: 'code' }, code),
  )
}
