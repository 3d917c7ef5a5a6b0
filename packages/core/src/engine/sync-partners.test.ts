import { expect, test } from 'vitest'

import { parsePeerId } from './identity/peer-id.ts'
import { partnerWithoutLinkMsMax, SyncPartners } from './sync-partners.ts'

const one = parsePeerId('0000000000000001')!
const other = parsePeerId('0000000000000002')!

test('[SY19] a link and a connection make partners, whichever comes first', () => {
  const partners = new SyncPartners()
  expect(partners.linkUp(one)).toBe(false)
  expect(partners.connected(one)).toBe(true)
  expect(partners.connected(other)).toBe(false)
  expect(partners.linkUp(other)).toBe(true)
  expect(partners.disconnected(one)).toBe(true)
  expect(partners.disconnected(one)).toBe(false)
})

test('[SY19] a link that is lost and found again changes nothing', () => {
  const partners = new SyncPartners()
  partners.linkUp(one)
  partners.connected(one)
  partners.linkDown(one, 1_000)
  expect(partners.isLinked(one)).toBe(false)
  expect(partners.nextDeadlineMs()).toBe(1_000 + partnerWithoutLinkMsMax)
  expect(partners.takeGivenUp(999 + partnerWithoutLinkMsMax)).toBe(undefined)
  expect(partners.linkUp(one)).toBe(false)
  expect(partners.nextDeadlineMs()).toBe(Number.POSITIVE_INFINITY)
  expect(partners.takeGivenUp(1_000 + partnerWithoutLinkMsMax)).toBe(undefined)
})

test('[SY19] a partner without a link is given up in time, and one without a connection at once', () => {
  const partners = new SyncPartners()
  for (const peer of [one, other]) {
    partners.linkUp(peer)
    partners.connected(peer)
  }
  partners.linkDown(one, 0)
  partners.linkDown(other, 5)
  expect(partners.disconnected(other)).toBe(true)
  expect(partners.takeGivenUp(partnerWithoutLinkMsMax + 5)).toBe(one)
  expect(partners.takeGivenUp(partnerWithoutLinkMsMax + 5)).toBe(undefined)
  expect(partners.linkUp(one)).toBe(true)
  // A link that was no partner's leaves nothing to give up.
  partners.linkUp(other)
  partners.linkDown(other, 10)
  expect(partners.nextDeadlineMs()).toBe(Number.POSITIVE_INFINITY)
})
