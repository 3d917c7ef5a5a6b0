/**
 * One run of typing: a trace is typed into one browser page until another one holds its end. The
 * pages are in separate profiles, so nothing goes from one to the other but through the network.
 */

import { openTestPage, webRtcPermissions, type PageServer } from '@fieldmesh/testing-browser'
import type { Browser, BrowserContext } from 'playwright-core'
import type { Measurement } from '../harness.ts'
import type { EditingTrace } from './editing-trace.ts'
import type { Arrival, Progress, Typing } from './typist.ts'
import { countSentBytes } from './wire-count.ts'

/** A way to share a document between pages. */
export interface Technology {
  readonly name: string
  /**
   * Module of the page: exports `join(meeting)`, which resolves when the page is connected, and all
   * of `typist.ts` and `wire-count.ts`.
   */
  readonly page: URL
  /** Starts the server or hub of one run. */
  readonly openMeeting: () => Promise<OpenMeeting>
}

export interface OpenMeeting {
  /** What is handed to the pages' `join`. */
  readonly meeting: unknown
  /** Resolves when whoever else is to hold the text does. */
  readonly arrived: (endContent: string) => Promise<void>
  readonly close: () => Promise<void>
}

export interface TypingOptions {
  readonly browser: Browser
  /** Serves the page of the technology. */
  readonly server: PageServer
  readonly technology: Technology
  readonly trace: EditingTrace
  /** Keystrokes a second; 0 for as fast as it goes. */
  readonly perSecond: number
  /** Time after which what has not arrived never will. */
  readonly patienceMs: number
}

/** `seconds`, `bytes per keystroke` and, unless at full speed, `p50 latency` and `p99 latency`. */
export async function measureTyping(options: TypingOptions): Promise<Measurement> {
  const { browser, server, technology, trace, perSecond, patienceMs } = options
  const meeting = await technology.openMeeting()
  const profiles: BrowserContext[] = []
  const openPage = async () => {
    const profile = await browser.newContext({ permissions: webRtcPermissions })
    profiles.push(profile)
    await profile.addInitScript(countSentBytes)
    return openTestPage(profile, server)
  }
  try {
    const [writer, reader] = await Promise.all([openPage(), openPage()])
    const joins = [writer, reader].map((page) => page.call('join', meeting.meeting))
    await inTime(Promise.all(joins), patienceMs, async () => 'the pages did not meet')
    const isTimed = perSecond > 0
    const insertedCount = trace.keystrokes.reduce((sum, [, , text]) => sum + text.length, 0)
    await reader.call('expectText', trace.endContent, insertedCount, isTimed)
    const bytesBefore = await writer.call<number>('sentBytes')
    const keystrokes = JSON.stringify(trace.keystrokes)
    const run = Promise.all([
      writer.call<Typing>('typeText', keystrokes, perSecond),
      reader.call<Arrival>('textArrived'),
    ])
    const [typing, arrival] = await inTime(run, patienceMs, async () => {
      const length = await reader.call<number>('textLength')
      return `${length} characters have arrived, ${trace.endContent.length} are expected`
    })
    await inTime(
      meeting.arrived(trace.endContent),
      patienceMs,
      async () => 'the text did not arrive outside the pages',
    )
    const bytes = (await writer.call<number>('sentBytes')) - bytesBefore
    return {
      seconds: (arrival.arrivedAtMs - typing.startedAtMs) / 1_000,
      'bytes per keystroke': bytes / trace.keystrokes.length,
      ...(isTimed ? latenciesOf(typing.progress, arrival.progress) : {}),
    }
  } finally {
    await Promise.all(profiles.map(async (profile) => profile.close()))
    await meeting.close()
  }
}

/** From each insertion in one page to the transaction of the other page that brings it. */
function latenciesOf(typed: readonly Progress[], seen: readonly Progress[]): Measurement {
  const latencies: number[] = []
  let index = 0
  let countBefore = 0
  for (const [count, typedAtMs] of typed) {
    if (count === countBefore) continue
    countBefore = count
    while (index < seen.length && seen[index]![0] < count) index += 1
    const seenAtMs = seen[index]?.[1]
    if (seenAtMs === undefined) throw new Error('an insertion was never seen')
    latencies.push(seenAtMs - typedAtMs)
  }
  latencies.sort((left, right) => left - right)
  const quantile = (share: number) => latencies[Math.ceil(latencies.length * share) - 1] ?? NaN
  return { 'p50 latency': quantile(0.5), 'p99 latency': quantile(0.99) }
}

async function inTime<Result>(
  promise: Promise<Result>,
  patienceMs: number,
  describe: () => Promise<string>,
): Promise<Result> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      describe().then((what) => reject(new Error(`after ${patienceMs} ms, ${what}`)), reject)
    }, patienceMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
