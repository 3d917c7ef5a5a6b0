/**
 * What the page needs to join its mesh. The server that delivers the page delivers it; a copy is
 * kept, since a page reloaded without any server must open its store again.
 */

export interface MeshConfig {
  readonly app: string
  /** 64 hexadecimal digits. */
  readonly secret: string
  /** WebSocket addresses of hubs. */
  readonly hubs: readonly string[]
}

const storageKey = 'fieldmesh-demo-config'

/** What `/mesh.json` says: hubs by port, since only the page knows by which name it was opened. */
interface ServedConfig {
  readonly app: string
  readonly secret: string
  readonly hubPort: number
}

/** The server's word if it answers, else the copy of the last one; throws when there is neither. */
export async function loadMeshConfig(): Promise<MeshConfig> {
  const served = await fetchConfig()
  if (served !== undefined) {
    localStorage.setItem(storageKey, JSON.stringify(served))
    return served
  }
  const kept = localStorage.getItem(storageKey)
  if (kept === null) {
    throw new Error(
      'This device has not joined a mesh yet, and the server that would tell how does not answer.',
    )
  }
  return JSON.parse(kept) as MeshConfig
}

async function fetchConfig(): Promise<MeshConfig | undefined> {
  try {
    const response = await fetch('/mesh.json', { cache: 'no-store' })
    if (!response.ok) return undefined
    const { app, secret, hubPort } = (await response.json()) as ServedConfig
    return { app, secret, hubs: [`ws://${location.hostname}:${hubPort}`] }
  } catch {
    return undefined
  }
}
