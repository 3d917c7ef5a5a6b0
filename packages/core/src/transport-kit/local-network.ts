/**
 * Whether the browser keeps this page from the local network: pages need a permission for it where
 * the browser has Local Network Access.
 */

import type { DialObstacle } from '../transport/transport.ts'

/** Names that the permission has had; a browser knows some of them, or none. */
const permissionNames = ['local-network-access', 'local-network', 'loopback-network'] as const

/** The least that is asked of a browser's `navigator`. */
export interface PermissionHost {
  readonly permissions?: {
    query(descriptor: { readonly name: PermissionName }): Promise<{ readonly state: string }>
  }
}

/** The obstacle that the permission is at present; undefined where there is none. Never rejects. */
export async function localNetworkObstacle(
  host: PermissionHost | undefined = globalThis.navigator,
): Promise<DialObstacle | undefined> {
  const states = await Promise.all(permissionNames.map((name) => stateOf(host, name)))
  if (states.includes('denied')) return 'local-network-denied'
  return states.includes('prompt') ? 'local-network-unanswered' : undefined
}

async function stateOf(host: PermissionHost | undefined, name: string): Promise<string> {
  try {
    // Not every name is in the types of every version.
    const state = await host?.permissions?.query({ name: name as PermissionName })
    return state?.state ?? 'granted'
  } catch {
    return 'granted'
  }
}
