/**
 * What types in one page and what waits in the other, the same for each contender. Runs in pages;
 * Node calls these functions by name.
 */

import type { Doc, Text, Transaction } from 'yjs'
import type { Keystroke } from './editing-trace.ts'

/** Keystrokes, or time, after which the page at full speed gives way to its other tasks. */
const burstKeystrokesMax = 50
const burstMsMax = 8

/** How many characters had been inserted at a time of this machine's clock, in milliseconds. */
export type Progress = readonly [insertedCount: number, atMs: number]

export interface Typing {
  readonly startedAtMs: number
  /** Of each insertion; empty at full speed. */
  readonly progress: readonly Progress[]
}

export interface Arrival {
  readonly arrivedAtMs: number
  /** Of each transaction; empty at full speed. */
  readonly progress: readonly Progress[]
}

let document: Doc | undefined
let arrival: Promise<Arrival> | undefined

/** Names the document in which is typed and waited. */
export function useDocument(doc: Doc): void {
  document = doc
}

/**
 * Types the keystrokes, each a transaction of its own: `perSecond` of them, or as fast as it goes
 * when that is 0. `keystrokes` is JSON, which crosses into a page much faster than arrays do.
 */
export async function typeText(keystrokes: string, perSecond: number): Promise<Typing> {
  const text = textOf(document)
  const list = JSON.parse(keystrokes) as readonly Keystroke[]
  const giveWay = createGivingWay()
  const progress: Progress[] = []
  let insertedCount = 0
  let burstEnd = 0
  const startedAtMs = nowMs()
  let burstEndMs = 0
  for (const [index, keystroke] of list.entries()) {
    if (perSecond > 0) {
      await until(startedAtMs + (index * 1_000) / perSecond)
      insertedCount += keystroke[2].length
      progress.push([insertedCount, nowMs()])
    } else if (index >= burstEnd || performance.now() >= burstEndMs) {
      await giveWay()
      burstEnd = index + burstKeystrokesMax
      burstEndMs = performance.now() + burstMsMax
    }
    press(text, keystroke)
  }
  return { startedAtMs, progress }
}

/**
 * Begins to wait for a text, made by inserting so many characters and deleting some: a text on the
 * way may equal the last one. `isTimed` when the arrival of each keystroke is to be noted.
 */
export function expectText(endContent: string, insertedCount: number, isTimed: boolean): void {
  const doc = document
  const text = textOf(doc)
  arrival = new Promise((resolve) => {
    const progress: Progress[] = []
    const look = ({ afterState }: Transaction) => {
      // Nobody else writes, so all clocks together count what was inserted.
      let count = 0
      for (const clock of afterState.values()) count += clock
      if (isTimed) progress.push([count, nowMs()])
      // The length costs nothing to ask for, the text does.
      if (count !== insertedCount || text.length !== endContent.length) return
      if (text.toJSON() !== endContent) return
      doc?.off('afterTransaction', look)
      resolve({ arrivedAtMs: nowMs(), progress })
    }
    doc?.on('afterTransaction', look)
  })
}

/** When the expected text had arrived; waits for it. */
export async function textArrived(): Promise<Arrival> {
  if (!arrival) throw new Error('no text is expected')
  return arrival
}

/** For messages: what is there at the moment. */
export function textLength(): number {
  return textOf(document).length
}

function textOf(doc: Doc | undefined): Text {
  if (!doc) throw new Error('no document was named')
  return doc.getText('paper')
}

function press(text: Text, [position, deleted, inserted]: Keystroke): void {
  text.doc?.transact(() => {
    if (deleted > 0) text.delete(position, deleted)
    if (inserted !== '') text.insert(position, inserted)
  })
}

/** A clock that all pages of a machine share, finer than `Date.now()`. */
function nowMs(): number {
  return performance.timeOrigin + performance.now()
}

async function until(atMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, Math.max(0, atMs - nowMs()))
  })
}

/** A task between two, as a message is: timers of 0 ms wait for 4 once they are nested. */
function createGivingWay(): () => Promise<void> {
  const { port1, port2 } = new MessageChannel()
  let goOn = () => {}
  port1.onmessage = () => goOn()
  return async () =>
    new Promise((resolve) => {
      goOn = resolve
      port2.postMessage(undefined)
    })
}
