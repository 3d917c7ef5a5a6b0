/** Peers of Node that meet by invitation, with no hub anywhere. */

import { openMesh } from '@fieldmesh/core'
import type { Mesh } from '@fieldmesh/core'
import { afterEach, expect, test } from 'vitest'
import { decodeNoteText } from '../../../core/src/invitation/note-text.ts'
import { encodeNote, type Note } from '../../../core/src/invitation/note.ts'
import { webrtc } from '../node.ts'

const secret = 'ab'.repeat(32)
const meshes: Mesh[] = []

afterEach(async () => {
  await Promise.all(meshes.splice(0).map(async (mesh) => mesh.close()))
})

async function open(settings: { app?: string; secret?: string } = {}): Promise<Mesh> {
  const mesh = await openMesh({ app: 'cafe', secret, transports: [webrtc()], ...settings })
  meshes.push(mesh)
  return mesh
}

/** Lets `guest` meet `host` by two texts. */
async function meet(host: Mesh, guest: Mesh): Promise<[string, string]> {
  const invitation = await host.invite()
  const joining = await guest.join(invitation.text)
  const met = await Promise.all([invitation.accept(joining.answer), joining.connected])
  return met
}

async function rows(mesh: Mesh, count: number): Promise<string[]> {
  return new Promise((resolve) => {
    mesh
      .collection('orders')
      .find()
      .observe(({ rows }) => {
        if (rows.length === count) resolve(rows.map(({ _id }) => _id))
      })
  })
}

test('[IV12] two peers meet by two texts and hold the same documents', async () => {
  const [host, guest] = [await open(), await open()]
  await host.collection('orders').insert({ _id: 'tea' })
  expect(await meet(host, guest)).toEqual([guest.peer, host.peer])
  await guest.collection('orders').insert({ _id: 'soup' })
  expect(await rows(host, 2)).toEqual(['soup', 'tea'])
  expect(await rows(guest, 2)).toEqual(['soup', 'tea'])
})

test('[IV17] no note holds any part of the secret, nor the name of the app', async () => {
  const distinct = Array.from({ length: 32 }, (_, index) => (index * 7 + 11).toString(16))
  const hex = distinct.map((digits) => digits.padStart(2, '0')).join('')
  const app = 'the app of these peers'
  const [host, guest] = [await open({ app, secret: hex }), await open({ app, secret: hex })]
  const invitation = await host.invite()
  const { answer } = await guest.join(invitation.text)
  for (const text of [invitation.text, answer]) {
    const bytes = Buffer.from(encodeNote(decodeNoteText(text) as Note)).toString('hex')
    expect(bytes.length).toBeGreaterThan(200)
    for (let at = 0; at <= 28; at += 1) expect(bytes).not.toContain(hex.slice(2 * at, 2 * at + 8))
    expect(bytes).not.toContain(Buffer.from(app.slice(0, 4)).toString('hex'))
  }
})

test('[IV16] a peer with another secret is refused at both ends, and learns no more', async () => {
  const [host, guest] = [await open(), await open({ secret: 'cd'.repeat(32) })]
  const invitation = await host.invite()
  const joining = await guest.join(invitation.text)
  const accepted = invitation.accept(joining.answer)
  await expect(accepted).rejects.toMatchObject({ code: 'secret-mismatch' })
  await expect(joining.connected).rejects.toMatchObject({ code: 'secret-mismatch' })
})
