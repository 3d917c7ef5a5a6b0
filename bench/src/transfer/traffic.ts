/**
 * What is measured of a way to a peer: how long bytes in bulk take to get there, and how long the
 * peer takes to answer. Runs in pages and in Node.
 */

/** One open way to a peer that counts what arrives and answers what is asked. */
export interface Traffic {
  /** Sends so many bytes in messages of `messageBytes`; resolves when the peer says that it has all. */
  readonly send: (bytes: number) => Promise<void>
  /** Sends a request of `requestBytes` and resolves with the answer, of the same size. */
  readonly ask: () => Promise<void>
}

export const messageBytes = 64 * 1024
export const requestBytes = 100

/** Seconds that so many bytes take, after as many again, which make both ends warm. */
export async function measureSending(traffic: Traffic, bytes: number): Promise<number> {
  await traffic.send(bytes)
  const startedAtMs = performance.now()
  await traffic.send(bytes)
  return (performance.now() - startedAtMs) / 1_000
}

/** Milliseconds of each of so many round trips, one after the other. */
export async function measureAsking(traffic: Traffic, count: number): Promise<number[]> {
  const latencies: number[] = []
  for (let asked = -Math.ceil(count / 4); asked < count; asked += 1) {
    const startedAtMs = performance.now()
    await traffic.ask()
    if (asked >= 0) latencies.push(performance.now() - startedAtMs)
  }
  return latencies
}

/** Milliseconds of round trips on one way while another, on the same link, is busy with bytes. */
export async function measureAskingMeanwhile(
  asking: Traffic,
  sending: Traffic,
  bytes: number,
  pauseMs: number,
): Promise<number[]> {
  await measureAsking(asking, 50)
  const busy = { now: true }
  const sent = sending.send(bytes).finally(() => {
    busy.now = false
  })
  const latencies: number[] = []
  while (busy.now) {
    const startedAtMs = performance.now()
    await asking.ask()
    latencies.push(performance.now() - startedAtMs)
    await pause(pauseMs)
  }
  await sent
  return latencies
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right)
  return sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN
}

async function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, durationMs)
  })
}
