/**
 * One dial by address and fingerprint, and what its failure is called (rule DR18 of
 * docs/specs/direct.md). What makes the connection is handed in: pages and Node have different ones.
 */

import { DialFailure } from '@fieldmesh/core/transport'
import type { HandOver } from '@fieldmesh/core/transport'
import type { ConnectionFacts } from '../connection.ts'
import type { DirectAddress } from './direct-address.ts'

/** Time in which a dial must have a channel: less than the engine's own patience of 10 s. */
const dialMs = 8000

/**
 * How far a connection has come: `path` is a way on which checks were answered, and
 * `other-certificate` what was found there.
 */
export type DialStage = 'waiting' | 'checking' | 'path' | 'other-certificate'

export interface DirectConnection {
  readonly stage: DialStage
  /** Gives it up, without a word. */
  destroy(): void
}

export interface DirectConnectionEvents {
  /** From now on there is a pipe. */
  opened(facts: ConnectionFacts): void
  /** It came to nothing before; the connection's stage tells how far. */
  failed(error: Error): void
}

/** Begins a connection. Events come later, from the event loop. */
export type DirectConnector = (
  address: DirectAddress,
  handOver: HandOver | undefined,
  events: DirectConnectionEvents,
) => DirectConnection

export interface DirectDialEvents {
  opened(facts: ConnectionFacts): void
  failed(failure: DialFailure): void
}

/** Begins a dial; returns what gives it up without a trace. `text` is the address for people. */
export function dialDirectly(
  connect: DirectConnector,
  { address, text }: { readonly address: DirectAddress; readonly text: string },
  handOver: HandOver | undefined,
  events: DirectDialEvents,
): () => void {
  const connection = connect(address, handOver, {
    opened: (facts) => {
      clearTimeout(timer)
      events.opened(facts)
    },
    failed: (error) => {
      clearTimeout(timer)
      events.failed(failureOf(connection.stage, text, error))
    },
  })
  const timer = setTimeout(() => {
    const { stage } = connection
    connection.destroy()
    events.failed(failureInTime(stage, text))
  }, dialMs)
  return () => {
    clearTimeout(timer)
    connection.destroy()
  }
}

function failureOf(stage: DialStage, text: string, cause: Error): DialFailure {
  return stage === 'other-certificate'
    ? new DialFailure(
        'certificate-mismatch',
        `${text}: who answers there has another certificate than this address names`,
        { cause },
      )
    : new DialFailure('unreachable', `${text}: no connection came about: ${cause.message}`, {
        cause,
      })
}

function failureInTime(stage: DialStage, text: string): DialFailure {
  switch (stage) {
    case 'waiting':
      return new DialFailure(
        'not-permitted',
        `${text}: the browser has not begun to connect; it may wait for the permission local-network-access`,
      )
    case 'checking':
      return new DialFailure('unreachable', `${text}: nobody has answered within ${dialMs} ms`)
    case 'path':
    case 'other-certificate':
      return new DialFailure('timeout', `${text}: no channel was open after ${dialMs} ms`)
    default:
      return stage satisfies never
  }
}
