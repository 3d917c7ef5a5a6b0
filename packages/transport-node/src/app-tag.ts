/**
 * How peers tell on the open network which app they are of, without naming it (rule DS2 of
 * docs/specs/discovery.md; as the link does, rule HS4 of link.md).
 */

import { createHash, randomBytes } from 'node:crypto'

export const saltBytes = 16
export const appTagBytes = 8

/** A salt and what the name of an app becomes with it. */
export interface SaltedAppTag {
  readonly salt: Uint8Array
  readonly tag: Uint8Array
}

/** A fresh one. */
export function makeAppTag(app: string): SaltedAppTag {
  const salt = randomBytes(saltBytes)
  return { salt, tag: computeAppTag(app, salt) }
}

/** Whether it is that app's. */
export function isAppTag(app: string, { salt, tag }: SaltedAppTag): boolean {
  return salt.length === saltBytes && Buffer.compare(computeAppTag(app, salt), tag) === 0
}

function computeAppTag(app: string, salt: Uint8Array): Uint8Array {
  return createHash('sha256').update(salt).update(app).digest().subarray(0, appTagBytes)
}
