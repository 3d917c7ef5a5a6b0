import { expect, test } from 'vitest'

import { ReportWait } from './report-wait.ts'
import type { SentPacket } from './sent-packet.ts'

function packet(rank: number, bytes: number): SentPacket {
  const place = { number: 0, sequence: 0, path: 0 }
  return { ...place, rank, bytes, frames: [], sentAtMs: 0, state: 'lost' }
}

function held(wait: ReportWait): readonly boolean[] {
  return [0, 1, 2, 3].map((rank) => wait.holds(rank))
}

test('[RC24] ranks wait that had more than a packet under way, until the other end is heard', () => {
  const wait = new ReportWait()
  expect(held(wait)).toEqual([false, false, false, false])
  const due = [packet(1, 1000), packet(2, 600), packet(2, 600), packet(3, 4000)]
  expect(wait.begin(due, 1000)).toBe(true)
  expect(held(wait)).toEqual([false, false, true, true])
  wait.end()
  expect(held(wait)).toEqual([false, false, false, false])
  expect(wait.begin([packet(0, 1000), packet(3, 900)], 1000)).toBe(false)
  expect(held(wait)).toEqual([false, false, false, false])
})
