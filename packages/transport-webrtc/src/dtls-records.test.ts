import { expect, test } from 'vitest'
import { siftRecords } from './dtls-records.ts'
import { ReplayWindow } from './replay-window.ts'

function record(type: number, epoch: number, number: number, body = Buffer.alloc(26)): Buffer {
  const header = Buffer.alloc(13)
  header.set([type, 254, 253, 0, epoch])
  header.writeUIntBE(number, 5, 6)
  header.writeUInt16BE(body.length, 11)
  return Buffer.concat([header, body])
}

const nonce = Buffer.alloc(26)
nonce.writeUInt16BE(1)

test('[DR13] records are taken by kind, epoch and time', () => {
  const kinds = [
    ['change of cipher', record(20, 0, 1), true, false],
    ['handshake in clear', record(22, 0, 1), true, false],
    ['sealed handshake', record(22, 1, 1), true, true],
    ['data in clear', record(23, 0, 1), false, false],
    ['data', record(23, 1, 1), true, true],
    ['data of another epoch', record(23, 2, 1), false, false],
    ['alert in clear', record(21, 0, 1, Buffer.alloc(2)), false, false],
    ['alert', record(21, 1, 1, nonce), false, true],
    ['alert that names one in clear', record(21, 1, 1), false, false],
    ['something else', record(24, 1, 1), false, false],
  ] as const
  for (const [what, bytes, before, after] of kinds) {
    expect([what, siftRecords(bytes, false).records.length === 1]).toEqual([what, before])
    expect([what, siftRecords(bytes, true).records.length === 1]).toEqual([what, after])
  }
})

test('[DR13] each record of a datagram is judged by itself, up to one that is cut short', () => {
  const datagram = Buffer.concat([
    record(23, 1, 2 ** 40 + 5),
    record(21, 0, 6),
    record(22, 1, 7),
    record(23, 1, 8).subarray(0, 20),
  ])
  const { records, refusedCount } = siftRecords(datagram, true)
  expect(records.map(({ number, isData }) => [number, isData])).toEqual([
    [2 ** 40 + 5, true],
    [7, false],
  ])
  expect(refusedCount).toBe(2)
  expect(siftRecords(Buffer.alloc(5), true)).toEqual({ records: [], refusedCount: 1 })
})

test('[DR13] each number is new once, within 512 of the highest', () => {
  const window = new ReplayWindow()
  expect(window.take(0)).toBe(true)
  expect(window.isNew(0)).toBe(false)
  expect(window.take(600)).toBe(true)
  expect([0, 87, 88].map((number) => window.isNew(number))).toEqual([false, false, false])
  expect([89, 599, 600, 601].map((number) => window.isNew(number))).toEqual([
    true,
    true,
    false,
    true,
  ])
  expect(window.take(89)).toBe(false)
  expect(window.isNew(89)).toBe(false)
  expect(window.take(2 ** 48 - 1)).toBe(true)
  expect(window.isNew(601)).toBe(false)
})
