/**
 * Tells a mesh what happens to its page and its network: whether anybody sees the page, since browsers
 * slow the timers of others; whether the browser stops it; whether there is a network, and another one.
 */

import type { LifecycleReason, LifecycleTransition } from '../engine/lifecycle-change.ts'

/** What of a browser's `globalThis` is listened to. */
export interface LifecyclePage extends EventTarget {
  readonly document: EventTarget & { readonly visibilityState: DocumentVisibilityState }
  readonly navigator: {
    readonly onLine: boolean
    /** Network Information, where the browser has it. */
    readonly connection?: EventTarget
  }
}

/** The mesh that is told, until it has ended. */
export interface LifecycleListener {
  readonly ended: Promise<unknown>
  tellLifecycle(transition: Exclude<LifecycleTransition, 'woke'>, reason: LifecycleReason): void
}

/** See the file header. A mesh takes its page for seen, running and online until it is told otherwise. */
export function followPage(mesh: LifecycleListener, page: LifecyclePage = globalThis): void {
  const { document, navigator } = page
  const listening = new AbortController()
  const { signal } = listening
  const on = (target: EventTarget, type: string, listener: (event: Event) => void): void => {
    target.addEventListener(type, listener, { signal })
  }
  on(document, 'visibilitychange', () => {
    mesh.tellLifecycle(document.visibilityState, 'visibilitychange')
  })
  on(document, 'freeze', () => mesh.tellLifecycle('frozen', 'freeze'))
  on(document, 'resume', () => mesh.tellLifecycle('resumed', 'resume'))
  // A page that is kept for the way back is stopped as well, in browsers without those two events too.
  on(page, 'pagehide', (event) => {
    if ((event as PageTransitionEvent).persisted) mesh.tellLifecycle('frozen', 'pagehide')
  })
  on(page, 'pageshow', (event) => {
    if ((event as PageTransitionEvent).persisted) mesh.tellLifecycle('resumed', 'pageshow')
  })
  on(page, 'offline', () => mesh.tellLifecycle('offline', 'offline'))
  on(page, 'online', () => mesh.tellLifecycle('online', 'online'))
  if (navigator.connection) {
    on(navigator.connection, 'change', () => {
      mesh.tellLifecycle('network-changed', 'connection-change')
    })
  }
  if (document.visibilityState === 'hidden') mesh.tellLifecycle('hidden', 'opening')
  if (!navigator.onLine) mesh.tellLifecycle('offline', 'opening')
  void mesh.ended.then(() => listening.abort())
}
