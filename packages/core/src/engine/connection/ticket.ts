/**
 * What both ends of a handshake derive from it beside their keys, without sending it: the ticket that
 * resumes the connection, and after the first handshake the connection's name (rules CN27 and CN29).
 */

import { concatBytes } from '../bytes/compare.ts'
import { encodeHex } from '../bytes/hex.ts'
import { encodeUtf8 } from '../bytes/utf8.ts'
import type { Cryptography } from '../crypto/cryptography.ts'
import { deriveKey } from '../identity/key-derivation.ts'
import type { HandshakeState } from '../noise/handshake-state.ts'
import { ticketIdBytes } from './packet.ts'

/** A connection's name in hexadecimal digits: 8 bytes that never change while it lasts. */
export type ConnectionName = string

/** Bytes of a name on the wire. */
export const connectionNameBytes = 8

/** Pairwise, used once. The secret never travels; the id does, in the clear. */
export interface Ticket {
  /** `ticketIdBytes` long. */
  readonly id: Uint8Array
  /** 32 bytes. */
  readonly secret: Uint8Array
}

const ticketIdLabel = encodeUtf8('fieldmesh ticket id 1\n')
const ticketSecretLabel = encodeUtf8('fieldmesh ticket secret 1\n')
const nameLabel = encodeUtf8('fieldmesh connection name 1\n')
const resumptionKeyLabel = encodeUtf8('fieldmesh resumption key 1\n')

/** The ticket of a complete handshake. */
export function deriveTicket(handshake: HandshakeState): Ticket {
  return {
    id: handshake.exportKey(ticketIdLabel).slice(0, ticketIdBytes),
    secret: handshake.exportKey(ticketSecretLabel),
  }
}

/** The name of the connection that a complete handshake makes. */
export function deriveConnectionName(handshake: HandshakeState): ConnectionName {
  return encodeHex(handshake.exportKey(nameLabel).subarray(0, connectionNameBytes))
}

/** The pre-shared key of a resumption: who lacks the ticket or the join secret lacks it. */
export function deriveResumptionKey(
  ticket: Ticket,
  presharedKey: Uint8Array,
  cryptography: Cryptography,
): Uint8Array {
  return deriveKey(concatBytes(ticket.secret, presharedKey), resumptionKeyLabel, cryptography)
}
