/**
 * The checks of ICE that a page sends to a Node peer, and their answers (rule DR8 of
 * docs/specs/direct.md). Nothing is kept, and no check is sent.
 */

import type * as Werift from 'werift'
import { credentialsOfUfrag } from './direct-description.ts'
import type { IceCredentials } from './direct-description.ts'

/**
 * Longest check, in bytes; browsers' have less than 200, and the longest packet that every path
 * carries is as long. What werift does with some attributes grows with the square of their length.
 */
const checkBytesMax = 1280

/** A check that is to be answered. */
export interface StunCheck {
  /** Whom it is for; perhaps somebody who was here before. */
  readonly credentials: IceCredentials
  /** The ufrag of the dialling end: one for each of its peer connections. */
  readonly remoteUfrag: string
  readonly answer: Uint8Array
}

/** Reads a check and answers it; undefined when it is none, or not proven. Never throws. */
export function answerCheck(
  { parseMessage, Message, classes, methods }: typeof Werift,
  datagram: Uint8Array,
  from: { readonly host: string; readonly port: number },
): StunCheck | undefined {
  if (datagram.length > checkBytesMax) return undefined
  const bytes = Buffer.from(datagram.buffer, datagram.byteOffset, datagram.byteLength)
  try {
    const request = parseMessage(bytes)
    if (
      request?.messageClass !== classes.REQUEST ||
      request.messageMethod !== methods.BINDING ||
      // werift would take one that is not there as proven if the key is empty, and ours never is.
      !request.getAttributeValue('MESSAGE-INTEGRITY')
    )
      return undefined
    const names = readUsername(request.getAttributeValue('USERNAME'))
    if (!names) return undefined
    const key = Buffer.from(names.credentials.password)
    if (!parseMessage(bytes, key)) return undefined
    const response = new Message(methods.BINDING, classes.RESPONSE, request.transactionId)
    response.setAttribute('XOR-MAPPED-ADDRESS', [from.host, from.port])
    const answer = response.addMessageIntegrity(key).addFingerprint().bytes
    return answer.length > datagram.length ? undefined : { ...names, answer }
  } catch {
    // What werift's parser makes of hostile bytes.
    return undefined
  }
}

function readUsername(
  username: unknown,
): Pick<StunCheck, 'credentials' | 'remoteUfrag'> | undefined {
  if (typeof username !== 'string') return undefined
  const colon = username.indexOf(':')
  const credentials = credentialsOfUfrag(username.slice(0, Math.max(0, colon)))
  const remoteUfrag = username.slice(colon + 1)
  return credentials && /^[\w+/]{4,256}$/.test(remoteUfrag)
    ? { credentials, remoteUfrag }
    : undefined
}
