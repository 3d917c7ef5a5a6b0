/** The status line: how this device is connected, and on demand to whom. */

import type { Mesh } from '@fieldmesh/core'
import { element } from '../element.ts'
import { summarize, type PeerSummary } from './connection-summary.ts'

/** A live status line for a mesh. */
export function statusView(mesh: Mesh, deviceName: string): HTMLElement {
  const light = element('span', { class: 'light', 'aria-hidden': 'true' })
  const headline = element('span', { class: 'headline' })
  const list = element('ul', { class: 'peers' })
  const self = element('p', { class: 'self' }, 'This device is ', element('strong', {}, deviceName))
  const root = element(
    'details',
    { class: 'status', role: 'status' },
    element('summary', {}, light, headline),
    element('div', { class: 'status-panel' }, self, list),
  )
  mesh.presence.observe((graph) => {
    const { quality, headline: text, peers } = summarize(graph)
    root.dataset['quality'] = quality
    headline.textContent = text
    list.replaceChildren(...peers.map((peer) => peerItem(peer)))
  })
  return root
}

function peerItem({ name, path, rttMs, isDirect }: PeerSummary): HTMLElement {
  const rtt = rttMs === undefined ? '' : ` · ${rttMs < 1 ? '<1' : Math.round(rttMs)} ms`
  return element(
    'li',
    { class: isDirect ? 'peer peer-direct' : 'peer' },
    element('strong', {}, name),
    element('span', {}, `${path}${rtt}`),
  )
}
