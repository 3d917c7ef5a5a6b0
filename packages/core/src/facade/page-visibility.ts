/** Tells a mesh whether anybody sees its page: the browser slows the timers of a page that nobody sees. */

/** What of a `document` is looked at. */
export interface VisiblePage extends EventTarget {
  readonly visibilityState: DocumentVisibilityState
}

/** The mesh that is told, until it has ended. */
export interface VisibilityListener {
  readonly ended: Promise<unknown>
  setHidden(isHidden: boolean): void
}

/** See the file header. A mesh takes its page for visible until it is told otherwise. */
export function followVisibility(mesh: VisibilityListener, page: VisiblePage = document): void {
  const follow = () => mesh.setHidden(page.visibilityState === 'hidden')
  page.addEventListener('visibilitychange', follow)
  if (page.visibilityState === 'hidden') follow()
  void mesh.ended.then(() => page.removeEventListener('visibilitychange', follow))
}
