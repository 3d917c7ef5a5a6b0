import { afterEach, beforeEach, expect, test } from 'vitest'
import { RTCPeerConnection } from 'werift'
import type { RTCDataChannel } from 'werift'
import { guardSctp } from './werift-guard.ts'

// A rejection that nobody handles fails the test run by itself.

let hostile: RTCDataChannel
let guarded: RTCDataChannel
const connections: RTCPeerConnection[] = []
let reportBroken: (error: Error) => void = () => undefined
const broken = () =>
  new Promise<Error>((resolve) => {
    reportBroken = resolve
  })

beforeEach(async () => {
  const open = () => {
    const connection = new RTCPeerConnection({
      iceServers: [],
      iceAdditionalHostAddresses: ['127.0.0.1'],
    })
    connections.push(connection)
    const channel = connection.createDataChannel('test', { negotiated: true, id: 42 })
    return { connection, channel }
  }
  const [left, right] = [open(), open()]
  hostile = left.channel
  guarded = right.channel
  guardSctp(guarded.sctp, (error) => {
    reportBroken(error)
  })
  const opened = [hostile, guarded].map(
    (channel) =>
      new Promise<void>((resolve) => {
        channel.onopen = resolve
      }),
  )
  await left.connection.setLocalDescription(await left.connection.createOffer())
  await right.connection.setRemoteDescription(
    left.connection.localDescription ?? { type: 'offer', sdp: '' },
  )
  await right.connection.setLocalDescription(await right.connection.createAnswer())
  await left.connection.setRemoteDescription(
    right.connection.localDescription ?? { type: 'answer', sdp: '' },
  )
  await Promise.all(opened)
})

afterEach(async () => {
  await Promise.all(connections.splice(0).map((connection) => connection.close()))
})

test('a message of an unknown kind is a broken protocol, not the end of the process', async () => {
  const reported = broken()
  await hostile.sctp.sctp.send(42, 99, Buffer.from('what is this'))
  expect(await reported).toBeInstanceOf(Error)
})

test('an acknowledgement of a channel that there is not is a broken protocol', async () => {
  const reported = broken()
  // DATA_CHANNEL_ACK (RFC 8832, section 5.2) on a stream that nobody has opened.
  await hostile.sctp.sctp.send(7, 50, Buffer.from([2]))
  expect(await reported).toBeInstanceOf(Error)
})

test('a packet that is none is a broken protocol', async () => {
  const reported = broken()
  await hostile.sctp.dtlsTransport.sendData(Buffer.from([1, 2, 3]))
  expect(await reported).toBeInstanceOf(Error)
})

test('ordinary messages pass the guard', async () => {
  const received = new Promise((resolve) => {
    guarded.onMessage.once(resolve)
  })
  hostile.send(Buffer.from('hello'))
  expect(String(await received)).toBe('hello')
})
