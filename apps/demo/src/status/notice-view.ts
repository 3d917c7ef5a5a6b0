/** Notices: what the platform lacks here, and problems of the mesh as they come. */

import type { Mesh } from '@fieldmesh/core'
import { element } from '../element.ts'

/** A strip that is there only while it has something to say. */
export function noticeView(mesh: Mesh): HTMLElement {
  const root = element('div', { class: 'notices' })
  const { secureContext, missing } = mesh.environment
  if (!secureContext) {
    root.append(
      notice(
        'limits',
        'Opened without encryption (http), so the browser holds some things back.',
        missing.map(({ consequence }) => consequence),
      ),
    )
  }
  const shown = new Set<string>()
  mesh.onProblem(({ code, message }) => {
    if (shown.has(code)) return
    shown.add(code)
    root.append(notice('problem', message, []))
  })
  return root
}

function notice(kind: string, text: string, details: readonly string[]): HTMLElement {
  const root = element('div', { class: `notice notice-${kind}` })
  const close = element(
    'button',
    { type: 'button', class: 'quiet', onclick: () => root.remove() },
    'Hide',
  )
  const body =
    details.length === 0
      ? element('p', {}, text)
      : element(
          'details',
          {},
          element('summary', {}, text),
          element('ul', {}, ...details.map((detail) => element('li', {}, detail))),
        )
  root.append(body, close)
  return root
}
