import { expect, test } from 'vitest'
import type { StorageWrite } from '../../../storage/storage.ts'
import { Dice } from '../world/dice.ts'
import { EventQueue } from '../world/event-queue.ts'
import { DiskAccess, type DiskWorld } from './disk-access.ts'
import { SimulatedDisk } from './simulated-disk.ts'

class Bench implements DiskWorld {
  readonly queue = new EventQueue()
  readonly diskDelayMsMax = 5
  readonly disk = new SimulatedDisk()
  readonly access = new DiskAccess(this, new Dice('disk'), this.disk)
  unwritten = 0
  nowMs = 0

  at(atMs: number, action: () => void): void {
    this.queue.push(atMs, action)
  }
  befell(): void {
    this.unwritten += 1
  }

  write(name: string): void {
    const put: StorageWrite = {
      type: 'put',
      space: 'changes',
      key: [name],
      value: new Uint8Array(9),
    }
    this.access.write([put], () => {})
  }

  run(): void {
    while (this.queue.size > 0) {
      this.nowMs = this.queue.nextAtMs
      this.queue.pop()?.()
    }
  }
}

test('a crash loses the batches that are on their way, and no other', () => {
  const bench = new Bench()
  bench.write('first')
  bench.run()
  bench.write('second')
  bench.write('third')
  bench.access.cut()
  bench.run()
  expect(bench.unwritten).toBe(2)
  expect(bench.disk.sizeBytes('changes')).toBe(9)
})

test('who waits for a batch is told once, before anything of it is kept', () => {
  const bench = new Bench()
  const sizes: number[] = []
  bench.access.whenWriting(() => sizes.push(bench.disk.sizeBytes('changes')))
  bench.write('first')
  bench.write('second')
  bench.run()
  expect(sizes).toEqual([0])
})
