/** Pages of a real browser that meet by invitation, with no hub anywhere, and with Node. */

import { openMesh, type Mesh } from '@fieldmesh/core'
import {
  hasOrdinaryInterface,
  launchChromium,
  openTestPage,
  servePage,
  webRtcPermissions,
  type PageServer,
  type TestPage,
} from '@fieldmesh/testing-browser'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { decodeNoteText, encodeNoteText } from '../../../core/src/invitation/note-text.ts'
import { encodeNote, type Note } from '../../../core/src/invitation/note.ts'
import { webrtc } from '../node.ts'
import { decodeDescription, encodeDescription } from './description.ts'

const secret = 'ab'.repeat(32)
let browser: Awaited<ReturnType<typeof launchChromium>>
let server: PageServer
const closers: (() => Promise<void>)[] = []

interface InvitedPage {
  readonly peer: string
  readonly page: TestPage
}

beforeAll(async () => {
  // Browsers tell names of multicast DNS in place of addresses, which must resolve.
  const rules = 'MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE *.local'
  browser = await launchChromium({ arguments: [`--host-resolver-rules=${rules}`] })
  server = await servePage({ entry: new URL('invited.test-page.ts', import.meta.url) })
})

afterEach(async () => {
  await Promise.all(closers.splice(0).map(async (close) => close()))
})

afterAll(async () => {
  await browser?.close()
  await server?.close()
})

/** A page of a profile of its own, as on another device. */
async function openPage(permissions: readonly string[] = webRtcPermissions): Promise<InvitedPage> {
  const profile = await browser.newContext({ permissions: [...permissions] })
  closers.push(async () => profile.close())
  const page = await openTestPage(profile, server)
  return { page, peer: await page.call<string>('open', secret) }
}

async function openNode(): Promise<Mesh> {
  const mesh = await openMesh({ app: 'cafe', secret, transports: [webrtc()] })
  closers.push(async () => mesh.close())
  return mesh
}

/** Lets `guest` meet `host` by two texts, which it returns. */
async function meet(host: InvitedPage, guest: InvitedPage): Promise<[string, string]> {
  const invitation = await host.page.call<{ number: number; text: string }>('invite')
  const joining = await guest.page.call<{ number: number; answer: string }>('join', invitation.text)
  const met = await Promise.all([
    host.page.call<string>('accept', invitation.number, joining.answer),
    guest.page.call<string>('connected', joining.number),
  ])
  expect(met).toEqual([guest.peer, host.peer])
  return [invitation.text, joining.answer]
}

/** How long the texts are, and the bytes in them. */
function tellSizes(what: string, texts: readonly string[]): void {
  for (const text of texts) {
    const note = decodeNoteText(text) as Note
    const bytes = encodeNote(note).length
    const count = decodeDescription(note.description)?.candidates.length
    console.log(
      `${what}: ${note.type} of ${bytes} bytes, ${text.length} letters, ${count} candidates`,
    )
  }
}

test('[IV12] two pages meet with no hub anywhere, and a third meets both through one of them', async () => {
  const [first, second, third] = [await openPage(), await openPage(), await openPage()]
  await first.page.call('insert', 'tea')
  const texts = await meet(first, second)
  tellSizes('addresses told', texts)
  for (const text of texts) expect(text.length).toBeLessThan(500)
  await second.page.call('insert', 'soup')
  for (const { page } of [first, second])
    expect(await page.call('rows', 2)).toEqual(['soup', 'tea'])

  await meet(second, third)
  await third.page.call('insert', 'cake')
  for (const { page } of [first, second, third]) {
    expect(await page.call('rows', 3)).toEqual(['cake', 'soup', 'tea'])
  }
  // Through the one that it met it is introduced to the other.
  expect(await third.page.call('neighbours', 2)).toEqual([first.peer, second.peer].toSorted())
  expect(await first.page.call('neighbours', 2)).toEqual([second.peer, third.peer].toSorted())
})

test.skipIf(!hasOrdinaryInterface())(
  '[IV8] two pages that may not tell their addresses meet by names',
  async () => {
    const [first, second] = [await openPage([]), await openPage([])]
    const texts = await meet(first, second)
    tellSizes('names told', texts)
    const note = decodeNoteText(texts[0]) as Note
    const { candidates } = decodeDescription(note.description)!
    expect(candidates.every(({ host }) => host.endsWith('.local'))).toBe(true)
  },
)

test('[IV12] a page meets a peer of Node, whoever of the two invites', async () => {
  const [node, page, other] = [await openNode(), await openPage(), await openPage()]
  const invitation = await node.invite()
  const joining = await page.page.call<{ number: number; answer: string }>('join', invitation.text)
  tellSizes('Node', [invitation.text])
  expect(await invitation.accept(joining.answer)).toBe(page.peer)
  expect(await page.page.call('connected', joining.number)).toBe(node.peer)

  const offered = await other.page.call<{ number: number; text: string }>('invite')
  const joined = await node.join(offered.text)
  tellSizes('Node', [joined.answer])
  expect(await other.page.call('accept', offered.number, joined.answer)).toBe(node.peer)
  expect(await joined.connected).toBe(other.peer)
  expect(await page.page.call('neighbours', 2)).toEqual([node.peer, other.peer].toSorted())
})

test('[IV11] an end that finds no path for longer than ICE looks for one is met all the same', async () => {
  const [host, guest] = [await openPage(), await openPage()]
  const invitation = await host.page.call<{ number: number; text: string }>('invite')
  const note = decodeNoteText(invitation.text) as Note
  const description = decodeDescription(note.description)!
  // Where nobody is: as if a firewall let the guest through only once the host has come out itself.
  const candidates = description.candidates.map((candidate) => ({ ...candidate, port: 10_009 }))
  const text = encodeNoteText({
    ...note,
    description: encodeDescription({ ...description, candidates }),
  })
  const joining = await guest.page.call<{ number: number; answer: string }>('join', text)
  await guest.page.call('connectionFailed')
  const met = [
    host.page.call<string>('accept', invitation.number, joining.answer),
    guest.page.call<string>('connected', joining.number),
  ]
  expect(await Promise.all(met)).toEqual([guest.peer, host.peer])
})

test('[IV13] [IV15] what is no answer leaves an invitation as it was, in a page as well', async () => {
  const [host, guest, late] = [await openPage(), await openPage(), await openPage()]
  const [one, two] = [
    await host.page.call<{ number: number; text: string }>('invite'),
    await host.page.call<{ number: number; text: string }>('invite'),
  ]
  expect(await host.page.call('joinRefused', one.text)).toBe('invitation-own')
  const joining = await guest.page.call<{ number: number; answer: string }>('join', one.text)
  const second = await late.page.call<{ number: number; answer: string }>('join', one.text)
  expect(await guest.page.call('joinRefused', one.text)).toBe('invitation-used')
  const accept = async (number: number, text: string) => host.page.call('accept', number, text)
  expect(await accept(one.number, 'hello')).toBe('invitation-malformed')
  expect(await accept(one.number, joining.answer.slice(0, -1))).toBe('invitation-damaged')
  expect(await accept(two.number, joining.answer)).toBe('invitation-mismatch')
  expect(await accept(one.number, joining.answer)).toBe(guest.peer)
  expect(await accept(one.number, second.answer)).toBe('invitation-used')
})
