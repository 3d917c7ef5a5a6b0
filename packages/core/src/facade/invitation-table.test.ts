import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { MeetingBroker } from '../driver/meeting-broker.ts'
import type { Command } from '../engine/command.ts'
import type { PeerId } from '../engine/identity/peer-id.ts'
import type { ChannelMeeting, MeetingId } from '../engine/input.ts'
import { decodeNoteText, encodeNoteText } from '../invitation/note-text.ts'
import type { AnswerNote, InvitationNote } from '../invitation/note.ts'
import { DialFailure } from '../transport/transport.ts'
import { InvitationTable } from './invitation-table.ts'
import { MeshError } from './mesh-error.ts'

const [peerA, peerB] = ['00000000000000aa', '00000000000000bb'] as PeerId[] as [PeerId, PeerId]
const minuteMs = 60_000

/** Transports that do as they are told, and remember what they were. */
class ScriptedMeetings implements MeetingBroker {
  isAble = true
  acceptFailure: DialFailure | undefined
  readonly accepted: Uint8Array[] = []
  readonly joined: Required<ChannelMeeting>[] = []
  readonly offered: MeetingId[] = []
  readonly signals: AbortSignal[] = []

  async offerMeeting(id: MeetingId, signal: AbortSignal) {
    this.signals.push(signal)
    if (!this.isAble) return undefined
    this.offered.push(id)
    return {
      transport: 'webrtc',
      description: Uint8Array.of(1, id),
      accept: async (answer: Uint8Array) => {
        if (this.acceptFailure) throw this.acceptFailure
        this.accepted.push(answer)
      },
    }
  }

  async joinMeeting(
    meeting: Required<ChannelMeeting>,
    { transport, description }: { transport: string; description: Uint8Array },
    signal: AbortSignal,
  ) {
    this.signals.push(signal)
    if (!this.isAble || transport !== 'webrtc') return undefined
    if (description.length === 0) throw new DialFailure('bad-address', 'nothing is described')
    this.joined.push(meeting)
    return { description: Uint8Array.of(2), opened: Promise.resolve() }
  }
}

/** A table of a peer whose app has that letter for a tag. */
function tableOf(peer: PeerId, app = 1) {
  const meetings = new ScriptedMeetings()
  const call = async (_command: Command) => new Uint8Array(8).fill(app) as never
  const table = new InvitationTable({ peer, meetings, commands: { call } })
  return { meetings, table }
}

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'no error',
    (error: unknown) => (error instanceof MeshError ? error.code : error),
  )
}

/** An answer of the other peer to the invitation. */
function answerTo(text: string, more: Partial<AnswerNote> = {}): string {
  const { nonce } = decodeNoteText(text) as InvitationNote
  return encodeNoteText({
    type: 'answer',
    nonce,
    peer: peerB,
    description: Uint8Array.of(9),
    ...more,
  })
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test('[IV12] an invitation names its peer, and the end that joins expects that one', async () => {
  const [host, guest] = [tableOf(peerA), tableOf(peerB)]
  const invitation = await host.table.invite({})
  expect(decodeNoteText(invitation.text)).toMatchObject({
    type: 'invitation',
    peer: peerA,
    transport: 'webrtc',
    expiresAtSeconds: Math.ceil((Date.now() + 10 * minuteMs) / 1000),
  })
  const joining = await guest.table.join(invitation.text, {})
  expect(guest.meetings.joined).toMatchObject([{ expectedPeer: peerA }])
  const met = invitation.accept(joining.answer)
  host.table.ended(host.meetings.offered[0]!, { ok: true, peer: peerB })
  guest.table.ended(guest.meetings.joined[0]!.id, { ok: true, peer: peerA })
  expect(await met).toBe(peerB)
  expect(await joining.connected).toBe(peerA)
  expect(host.meetings.accepted).toEqual([Uint8Array.of(2)])
  // What became a link is not ended any more.
  invitation.close()
  joining.close()
  await vi.advanceTimersByTimeAsync(120 * minuteMs)
  expect([...host.meetings.signals, ...guest.meetings.signals].some((each) => each.aborted)).toBe(
    false,
  )
})

describe('[IV13] [IV15] an answer', () => {
  test.each([
    ['something else', () => 'hello', 'invitation-malformed'],
    ['an invitation', (text: string) => text, 'invitation-malformed'],
    ['cut short', (text: string) => answerTo(text).slice(0, -1), 'invitation-damaged'],
    ['of this very peer', (text: string) => answerTo(text, { peer: peerA }), 'invitation-own'],
    [
      'to another invitation',
      (text: string) => answerTo(text, { nonce: new Uint8Array(8) }),
      'invitation-mismatch',
    ],
  ])('that is %s is refused, and the invitation stands', async (_what, bend, code) => {
    const { table, meetings } = tableOf(peerA)
    const invitation = await table.invite({})
    expect(await codeOf(invitation.accept(bend(invitation.text)))).toBe(code)
    const met = invitation.accept(answerTo(invitation.text))
    table.ended(meetings.offered[0]!, { ok: true, peer: peerB })
    expect(await met).toBe(peerB)
  })

  test('whose description the transport cannot read is refused, and the invitation stands', async () => {
    const { table, meetings } = tableOf(peerA)
    const invitation = await table.invite({})
    meetings.acceptFailure = new DialFailure('bad-address', 'no description')
    const accepted = invitation.accept(answerTo(invitation.text))
    expect(await codeOf(accepted)).toBe('invitation-malformed')
    meetings.acceptFailure = undefined
    expect(meetings.signals[0]?.aborted).toBe(false)
    await vi.advanceTimersByTimeAsync(10 * minuteMs)
    expect(await codeOf(invitation.accept(answerTo(invitation.text)))).toBe('invitation-expired')
  })

  test('after the first is one too many, whatever becomes of the first', async () => {
    const { table, meetings } = tableOf(peerA)
    const invitation = await table.invite({})
    meetings.acceptFailure = new DialFailure('timeout', 'nobody came')
    expect(await codeOf(invitation.accept(answerTo(invitation.text)))).toBe('invitation-failed')
    expect(meetings.signals[0]?.aborted).toBe(true)
    expect(await codeOf(invitation.accept(answerTo(invitation.text)))).toBe('invitation-used')
  })
})

describe('[IV15] an invitation', () => {
  async function invited(more: Partial<InvitationNote> = {}): Promise<string> {
    const { text } = await tableOf(peerA).table.invite({})
    return encodeNoteText({ ...(decodeNoteText(text) as InvitationNote), ...more })
  }

  test.each([
    ['something else', async () => 'https://example.org', 'invitation-malformed'],
    ['an answer', async () => answerTo(await invited()), 'invitation-malformed'],
    ['cut short', async () => (await invited()).slice(0, -3), 'invitation-damaged'],
    ['of this very peer', async () => invited({ peer: peerB }), 'invitation-own'],
    ['of another app', async () => invited({ appTag: new Uint8Array(8) }), 'app-mismatch'],
    ['over', async () => invited({ expiresAtSeconds: 1 }), 'invitation-expired'],
    ['for another transport', async () => invited({ transport: 'x' }), 'invitation-unsupported'],
    [
      'without a description',
      async () => invited({ description: new Uint8Array(0) }),
      'invitation-malformed',
    ],
  ])('that is %s is refused', async (_what, text, code) => {
    expect(await codeOf(tableOf(peerB).table.join(await text(), {}))).toBe(code)
  })

  test('is not made without a transport that can', async () => {
    const { table, meetings } = tableOf(peerA)
    meetings.isAble = false
    expect(await codeOf(table.invite({}))).toBe('invitation-unsupported')
  })
})

test('[IV13] an invitation is answered once, and again when that came to nothing', async () => {
  const { text } = await tableOf(peerA).table.invite({})
  const { table } = tableOf(peerB)
  const joining = await table.join(text, {})
  expect(await codeOf(table.join(text, {}))).toBe('invitation-used')
  joining.close()
  expect(await codeOf(joining.connected)).toBe('invitation-expired')
  expect(await codeOf(table.join(text, {}))).toBe('no error')
})

test('[IV14] an invitation ends with its time, and what was offered with it', async () => {
  const { table, meetings } = tableOf(peerA)
  const invitation = await table.invite({ lifetimeMs: minuteMs })
  expect(invitation.expiresAtMs).toBe(Date.now() + minuteMs)
  await vi.advanceTimersByTimeAsync(minuteMs - 1)
  expect(meetings.signals[0]?.aborted).toBe(false)
  await vi.advanceTimersByTimeAsync(1)
  expect(meetings.signals[0]?.aborted).toBe(true)
  expect(await codeOf(invitation.accept(answerTo(invitation.text)))).toBe('invitation-expired')
  expect(await codeOf(table.invite({ lifetimeMs: 999 }))).toBe('options-invalid')
  expect(await codeOf(table.invite({ lifetimeMs: Number.NaN }))).toBe('options-invalid')
})

test('[IV14] a clock that is five minutes ahead joins, one that is further ahead does not', async () => {
  const { text } = await tableOf(peerA).table.invite({ lifetimeMs: minuteMs })
  vi.setSystemTime(Date.now() + 6 * minuteMs - 2_000)
  const { table, meetings } = tableOf(peerB)
  const joining = await table.join(text, {})
  await vi.advanceTimersByTimeAsync(3_000)
  expect(await codeOf(joining.connected)).toBe('invitation-expired')
  expect(meetings.signals[0]?.aborted).toBe(true)
  expect(await codeOf(table.join(text, {}))).toBe('invitation-expired')
})

test('[IV14] closing ends an invitation and an answer, and so does a signal, with its reason', async () => {
  const { table, meetings } = tableOf(peerA)
  const invitation = await table.invite({})
  invitation.close()
  expect(await codeOf(invitation.accept(answerTo(invitation.text)))).toBe('invitation-expired')
  const giveUp = new AbortController()
  const second = await table.invite({ signal: giveUp.signal })
  giveUp.abort('enough')
  expect(await codeOf(second.accept(answerTo(second.text)))).toBe('enough')
  expect(meetings.signals.every(({ aborted }) => aborted)).toBe(true)
  expect(await codeOf(table.invite({ signal: giveUp.signal }))).toBe('enough')
  const guest = tableOf(peerB)
  expect(await codeOf(guest.table.join(second.text, { signal: giveUp.signal }))).toBe('enough')
})

test('[IV13] an answer that came in time is met after it, and nothing listens any more then', async () => {
  const { table, meetings } = tableOf(peerA)
  const { signal } = new AbortController()
  const invitation = await table.invite({ lifetimeMs: minuteMs, signal })
  await vi.advanceTimersByTimeAsync(minuteMs - 1)
  const met = invitation.accept(answerTo(invitation.text))
  await vi.advanceTimersByTimeAsync(30_000)
  expect(getEventListeners(signal, 'abort')).toHaveLength(1)
  table.ended(meetings.offered[0]!, { ok: true, peer: peerB })
  expect(await met).toBe(peerB)
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

test('[IV16] what the handshake refuses is told to those who wait', async () => {
  const { table, meetings } = tableOf(peerA)
  const invitation = await table.invite({})
  const met = codeOf(invitation.accept(answerTo(invitation.text)))
  const problem = { code: 'secret-mismatch', message: 'it has another secret' } as const
  table.ended(meetings.offered[0]!, { ok: false, problem })
  expect(await met).toBe('secret-mismatch')
})

test('[IV16] sixteen invitations stand at once, one more is refused until one is closed', async () => {
  const { table } = tableOf(peerA)
  const open = await Promise.all(Array.from({ length: 16 }, async () => table.invite({})))
  expect(new Set(open.map(({ text }) => text)).size).toBe(16)
  expect(await codeOf(table.invite({}))).toBe('limit-reached')
  open[0]?.close()
  expect(await codeOf(table.invite({}))).toBe('no error')
})

test('when the mesh ends, everything under way does, with its error', async () => {
  const { table, meetings } = tableOf(peerA)
  const invitation = await table.invite({})
  const met = codeOf(invitation.accept(answerTo(invitation.text)))
  const other = await tableOf(peerB).table.invite({})
  await codeOf(
    table.join(encodeNoteText({ ...(decodeNoteText(other.text) as InvitationNote) }), {}),
  )
  table.end(new MeshError('mesh-closed', 'the mesh is closed'))
  expect(await met).toBe('mesh-closed')
  expect(meetings.signals.every(({ aborted }) => aborted)).toBe(true)
  expect(vi.getTimerCount()).toBe(1)
})
