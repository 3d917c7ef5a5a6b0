/** The demo's composition root: joins the mesh and puts the views on the page. */

import { openMesh, type Mesh } from '@fieldmesh/core'
import { webrtc } from '@fieldmesh/transport-webrtc'
import { websocket } from '@fieldmesh/transport-websocket'
import { boardView } from './board/board-view.ts'
import type { Order } from './board/order.ts'
import { thisDevice, type Device } from './device-name.ts'
import { element } from './element.ts'
import { meetingView } from './meeting/meeting-view.ts'
import { loadMeshConfig } from './mesh-config.ts'
import { noteView } from './note/note-view.ts'
import { obstacleView } from './obstacle-view.ts'
import { noticeView } from './status/notice-view.ts'
import { statusView } from './status/status-view.ts'
import './style/page.css'
import './style/board.css'
import './style/note.css'
import './style/status.css'
import './style/meeting.css'

async function join(device: Device): Promise<Mesh> {
  const { app, secret, hubs } = await loadMeshConfig()
  return openMesh({
    app,
    secret,
    name: device.name,
    metadata: { role: 'device' },
    worker: new Worker(new URL('./engine.worker.ts', import.meta.url), { type: 'module' }),
    transports: [webrtc(), websocket({ urls: hubs })],
  })
}

async function show(root: HTMLElement, mesh: Mesh, device: Device): Promise<void> {
  const note = await mesh.document('notes/today')
  const tabs = tabsView()
  root.replaceChildren(
    element(
      'header',
      { class: 'top' },
      element(
        'h1',
        {},
        element('img', { src: '/icon.svg', alt: '', width: '32', height: '32' }),
        'Corner Café',
      ),
      tabs,
      statusView(mesh, device.name),
      meetingView(mesh),
    ),
    noticeView(mesh),
    element(
      'main',
      { class: 'panes' },
      boardView(mesh.collection<Order>('orders'), device.name),
      noteView(note, device),
    ),
  )
  void mesh.ended.then((problem) => {
    if (problem !== undefined) root.replaceChildren(obstacleView(problem))
  })
}

/** On a narrow screen one pane at a time; on a wide one the tabs are not shown. */
function tabsView(): HTMLElement {
  const names = ['board', 'note'] as const
  const titles = { board: 'Orders', note: 'Note' }
  const select = (chosen: (typeof names)[number]) => {
    document.body.dataset['pane'] = chosen
    for (const button of buttons) {
      button.setAttribute('aria-pressed', String(button.dataset['pane'] === chosen))
    }
  }
  const buttons = names.map((name) =>
    element(
      'button',
      { type: 'button', 'data-pane': name, onclick: () => select(name) },
      titles[name],
    ),
  )
  select('board')
  return element('nav', { class: 'tabs', 'aria-label': 'Panes' }, ...buttons)
}

async function start(): Promise<void> {
  const root = document.querySelector<HTMLElement>('#app')!
  const device = thisDevice()
  const opening = join(device)
  // Set before anything is awaited: a module replaced while its mesh opens must close it as well.
  import.meta.hot?.dispose(() => {
    void opening.then(
      (mesh) => mesh.close(),
      () => undefined,
    )
  })
  import.meta.hot?.accept()
  try {
    const mesh = await opening
    // For the console: an engineer asks it what the page knows.
    Object.assign(globalThis, { mesh })
    await show(root, mesh, device)
  } catch (error) {
    root.replaceChildren(obstacleView(error))
  }
}

// Not while the page is developed: there its files change under way.
if ('serviceWorker' in navigator && !import.meta.hot) {
  void navigator.serviceWorker.register('/service-worker.js')
}
void start()
