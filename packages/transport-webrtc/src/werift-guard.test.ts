import { createSocket } from 'node:dgram'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DtlsClient, RTCPeerConnection } from 'werift'
import type { RTCDataChannel } from 'werift'
import { encodeHelloVerifyRequest } from './direct/client-hello.ts'
import { admitsCheck, guardDtls, guardSctp, ignoreRepeatedRequests } from './werift-guard.ts'

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
  guardDtls(right.connection)
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

/** Changes each piece of a message that the hostile end sends. */
function bendPieces(bend: (chunk: { userData: Buffer; flags: number }) => void): void {
  const association = hostile.sctp.sctp as unknown as {
    sendChunk(chunk: { userData?: Buffer; flags: number }): Promise<void>
  }
  const sendChunk = association.sendChunk.bind(association)
  association.sendChunk = async (chunk) => {
    if (chunk.userData) bend(chunk as { userData: Buffer; flags: number })
    await sendChunk(chunk)
  }
}

test('an empty piece of a message is a broken protocol', async () => {
  const reported = broken()
  bendPieces((chunk) => {
    chunk.userData = Buffer.alloc(0)
  })
  hostile.send(Buffer.from('nothing'))
  expect((await reported).message).toMatch(/is empty/)
})

test('many streams are a broken protocol', async () => {
  const reported = broken()
  for (let stream = 0; stream < 9; stream += 1) {
    void hostile.sctp.sctp.send(stream, 53, Buffer.from('here'))
  }
  expect((await reported).message).toMatch(/streams are used/)
})

test('messages that never end are a broken protocol before they fill the memory', () => {
  const association = guarded.sctp.sctp as unknown as {
    readonly lastReceivedTsn: number
    receiveDataChunk(chunk: object): void
  }
  const receivePiece = () => {
    association.receiveDataChunk({
      tsn: (association.lastReceivedTsn + 1) >>> 0,
      streamId: 42,
      streamSeqNum: 0,
      // Neither first nor last (RFC 9260, section 3.3.1).
      flags: 0,
      protocol: 53,
      userData: Buffer.from([1]),
    })
  }
  for (let piece = 0; piece < 16_384; piece += 1) receivePiece()
  expect(receivePiece).toThrow(/pieces of messages are kept/)
})

test('ordinary messages pass the guard', async () => {
  const received = new Promise((resolve) => {
    guarded.onMessage.once(resolve)
  })
  hostile.send(Buffer.from('hello'))
  expect(String(await received)).toBe('hello')
})

test('checks without the name of this end are not admitted, and those with it are bounded', () => {
  const candidates = Array.from({ length: 128 }, (_, port) => ({ host: '192.0.2.1', port }))
  const ice = { localUsername: 'abcd', remoteCandidates: [] as typeof candidates, earlyChecks: [] }
  const from = ['192.0.2.1', 7] as const
  expect(admitsCheck(ice, undefined, from)).toBe(false)
  expect(admitsCheck(ice, 'abc:wxyz', from)).toBe(false)
  expect(admitsCheck(ice, 'abcd:wxyz', from)).toBe(true)
  const full = { ...ice, remoteCandidates: candidates, earlyChecks: [...candidates] as unknown[] }
  full.earlyChecks.length = 64
  expect(admitsCheck(full, 'abcd:wxyz', from)).toBe(true)
  expect(full.earlyChecks).toHaveLength(63)
  expect(admitsCheck(full, 'abcd:wxyz', ['192.0.2.2', 7])).toBe(false)
})

test('werift asks whether a check is admitted, before it answers', async () => {
  const socket = createSocket('udp4')
  const answers: Buffer[] = []
  socket.on('message', (answer) => answers.push(answer))
  const names: unknown[] = []
  let isAdmitted = false
  const connection = new RTCPeerConnection({
    iceServers: [],
    iceAdditionalHostAddresses: ['127.0.0.1'],
    iceFilterStunResponse: (check) => {
      names.push(check.getAttributeValue('USERNAME'))
      return isAdmitted
    },
  })
  connections.push(connection)
  connection.createDataChannel('test', { negotiated: true, id: 42 })
  await connection.setLocalDescription(await connection.createOffer())
  const port = /127\.0\.0\.1 (\d+) typ host/.exec(connection.localDescription?.sdp ?? '')?.[1]
  // A binding request (RFC 8489, section 5) with the attribute USERNAME, `ab:c`.
  const check = Buffer.from('000100082112a442000102030405060708090a0b0006000461623a63', 'hex')
  socket.send(check, Number(port), '127.0.0.1')
  await expect.poll(() => names).toEqual(['ab:c'])
  isAdmitted = true
  socket.send(check, Number(port), '127.0.0.1')
  await expect.poll(() => answers.length).toBe(1)
  socket.close()
})

test('copies of records, and records in clear, reach nothing', async () => {
  const [from, to] = connections.map((connection) => connection.dtlsTransports[0]?.dtls)
  if (!from || !to) throw new Error('There is no DTLS')
  const recorded: Buffer[] = []
  const { socket } = from.transport
  const send = socket.send
  socket.send = async (datagram, address) => {
    recorded.push(Buffer.from(datagram))
    await send(datagram, address)
  }
  const received: string[] = []
  const messages = (count: number) =>
    new Promise<void>((resolve) => {
      guarded.onMessage.subscribe((message) => {
        received.push(String(message))
        if (received.length === count) resolve()
      })
    })
  const first = messages(1)
  hostile.send(Buffer.from('once'))
  await first
  let passed = 0
  to.onData.subscribe(() => {
    passed += 1
  })
  const record = (type: number, body: Buffer) =>
    Buffer.concat([Buffer.from([type, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, body.length]), body])
  const hello = record(
    22,
    Buffer.concat([Buffer.from([1, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 8]), Buffer.alloc(8)]),
  )
  // An alert, and a hello that would begin anew.
  for (const datagram of [...recorded, record(21, Buffer.from([1, 0])), hello]) {
    to.transport.socket.onData(datagram, ['', 0])
  }
  expect(passed).toBe(0)
  expect(guarded.readyState).toBe('open')
  const second = new Promise((resolve) => {
    guarded.onMessage.once(resolve)
  })
  hostile.send(Buffer.from('more'))
  expect(String(await second)).toBe('more')
})

test('a client that is asked for its cookie twice answers once', async () => {
  const sent: Buffer[] = []
  const client = new DtlsClient({
    transport: {
      type: 'udp',
      address: { address: '', family: '', port: 0 },
      closed: false,
      onData: () => undefined,
      send: async (datagram) => {
        sent.push(datagram)
      },
      close: async () => undefined,
    },
  })
  ignoreRepeatedRequests(client)
  const errors: Error[] = []
  client.onError.subscribe((error) => errors.push(error))
  const shakingHands = client.connect()
  const hello = { recordNumber: 0, random: new Uint8Array(32), cookie: new Uint8Array(0) }
  const request = Buffer.from(encodeHelloVerifyRequest(hello, Uint8Array.from([1, 2, 3, 4])))
  client.transport.socket.onData(request, ['', 0])
  client.transport.socket.onData(request, ['', 0])
  await shakingHands
  expect(sent).toHaveLength(2)
  expect(errors).toEqual([])
  // Flights that are over are not repeated.
  client.dtls.flight = 7
})
