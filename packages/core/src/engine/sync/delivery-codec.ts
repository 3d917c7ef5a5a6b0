/** Deliveries as bytes, what peers hand each other: rule SY8 of docs/specs/sync.md. */

import type { ByteReader } from '../bytes/reader.ts'
import type { ByteWriter } from '../bytes/writer.ts'
import { unreachable } from '../assert.ts'
import {
  deliveryBytesMax,
  readChange,
  readUpdates,
  updatesPerPartMax,
  writeChange,
} from './change-codec.ts'
import { readDocumentKey, writeDocumentKey } from './document-key.ts'
import { readHead, writeHead } from './head-codec.ts'
import type { Delivery } from './replica-port.ts'

const deliveryCodes = { change: 0, checkpoint: 1 } as const

export function writeDelivery(writer: ByteWriter, delivery: Delivery): void {
  writer.u8(deliveryCodes[delivery.type])
  switch (delivery.type) {
    case 'change':
      writeChange(writer, delivery.change)
      return
    case 'checkpoint':
      writeDocumentKey(writer, delivery.document)
      writeHead(writer, delivery.head)
      writer.varint(delivery.updates.length)
      for (const update of delivery.updates) writer.bytes(update)
      return
    default:
      unreachable(delivery)
  }
}

/** The delivery, or `undefined` (and a failed reader) when malformed or over a bound. */
export function readDelivery(reader: ByteReader): Delivery | undefined {
  const before = reader.remaining
  const delivery = readCoded(reader, reader.u8())
  if (before - reader.remaining > deliveryBytesMax) reader.fail()
  return reader.failed ? undefined : delivery
}

function readCoded(reader: ByteReader, code: number): Delivery | undefined {
  if (code === deliveryCodes.change) {
    const change = readChange(reader)
    return change === undefined ? undefined : { type: 'change', change }
  }
  if (code !== deliveryCodes.checkpoint) reader.fail()
  const document = readDocumentKey(reader)
  const head = readHead(reader)
  const updates = readUpdates(reader, reader.varint(updatesPerPartMax))
  if (document === undefined || head === undefined) return undefined
  return { type: 'checkpoint', document, head, updates }
}
