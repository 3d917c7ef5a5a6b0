/**
 * What a port that is dialled directly makes of datagrams, without any socket (rules DR7 to DR17 of
 * docs/specs/direct.md).
 *
 * Invariant: what is kept is bounded, and nothing is kept for an end that has not brought its cookie
 * back but one of the last checks.
 */

import type * as Werift from 'werift'
import type { WeriftPipe } from '../werift-pipe.ts'
import type { HeldCertificate } from './certificate-file.ts'
import { encodeHelloVerifyRequest, readClientHello } from './client-hello.ts'
import type { ClientHello } from './client-hello.ts'
import type { DirectCounts } from './direct-counts.ts'
import { credentialsOf } from './direct-description.ts'
import { DirectSession } from './direct-session.ts'
import type { DirectWay } from './direct-session.ts'
import { HelloCookies } from './hello-cookies.ts'
import { answerCheck } from './stun-check.ts'

/** Checks remembered, the last ones: a way, and the ufrag of who came it. */
const checksMax = 1024
/** Ways of one end that its cookie may have been sent by, the last ones that it has checked. */
const waysTriedMax = 8
/** Answers within a second to ends without a session; the rest is dropped. */
const strangerAnswersPerSecondMax = 1000
/** Sessions at once, new ones included; more are refused. */
const sessionsMax = 128
/** Sessions of which no message has come; more are refused. */
const newSessionsMax = 64
/** The same for one address. */
const newSessionsPerAddressMax = 16

export interface DirectPortOptions {
  readonly werift: typeof Werift
  readonly certificate: HeldCertificate
  readonly counts: DirectCounts
  /** Milliseconds of a clock that never goes back. */
  readonly nowMs: () => number
  /** Whether no more channels are taken. */
  readonly isFull: () => boolean
  /** An end has opened a channel: its pipe is to be listened to in this call. */
  readonly opened: (pipe: WeriftPipe, binding: Uint8Array, way: DirectWay) => void
}

/** A check that was answered: by which way, and which ufrag it named. */
interface Check {
  readonly way: DirectWay
  readonly remoteUfrag: string
}

/** See the file header. */
export class DirectPort {
  readonly #options: DirectPortOptions
  readonly #ufrag: string
  readonly #cookies = new HelloCookies()
  /** By the name of the way that they go at present. */
  readonly #sessionsByWay = new Map<string, DirectSession>()
  readonly #sessionsByUfrag = new Map<string, DirectSession>()
  /** The last check from each way; the oldest check first. */
  readonly #checksByWay = new Map<string, Check>()
  #strangerAnswers = 0
  #strangerWindow = 0

  constructor(options: DirectPortOptions) {
    this.#options = options
    this.#ufrag = credentialsOf(options.certificate.fingerprint).ufrag
  }

  /** Takes a datagram. Never throws. */
  receive(datagram: Uint8Array, way: DirectWay): void {
    const first = datagram[0] ?? 255
    // Nobody can be answered at port 0, and nobody sends from there.
    if (way.port === 0) this.#options.counts.malformed += 1
    else if (first <= 3) this.#receiveCheck(datagram, way)
    else if (first >= 20 && first <= 63) this.#receiveRecords(datagram, way)
    else this.#options.counts.malformed += 1
  }

  /** Ends all sessions. */
  end(): void {
    for (const session of this.#sessionsByWay.values()) session.end()
  }

  #receiveCheck(datagram: Uint8Array, way: DirectWay): void {
    const { counts, werift } = this.#options
    const session = this.#sessionsByWay.get(way.name)
    const check = answerCheck(werift, datagram, way)
    if (!check) {
      counts.malformed += 1
      return
    }
    if (!session && !this.#mayAnswerStranger()) return
    if (check.credentials.ufrag !== this.#ufrag) counts.checksForOthers += 1
    way.send(check.answer)
    this.#rememberCheck(way, check.remoteUfrag)
    if (!session) return
    session.heard()
    this.#nameSession(session, check.remoteUfrag)
  }

  #rememberCheck(way: DirectWay, remoteUfrag: string): void {
    this.#checksByWay.delete(way.name)
    this.#checksByWay.set(way.name, { way, remoteUfrag })
    if (this.#checksByWay.size <= checksMax) return
    const [oldest = ''] = this.#checksByWay.keys()
    this.#checksByWay.delete(oldest)
  }

  /** The first check names it; who takes a name that is taken gets no other way. */
  #nameSession(session: DirectSession, remoteUfrag: string | undefined): void {
    if (remoteUfrag === undefined || session.remoteUfrag !== undefined) return
    if (this.#sessionsByUfrag.has(remoteUfrag)) return
    session.remoteUfrag = remoteUfrag
    this.#sessionsByUfrag.set(remoteUfrag, session)
  }

  #receiveRecords(datagram: Uint8Array, way: DirectWay): void {
    const session = this.#sessionsByWay.get(way.name) ?? this.#sessionByCheck(way)
    const hello = readClientHello(datagram)
    if (hello) this.#receiveHello(hello, datagram, way, session)
    else if (session) session.receive(datagram, way)
    else this.#options.counts.unknown += 1
  }

  /** The session of an end that has come by this way with a check only, so far. */
  #sessionByCheck(way: DirectWay): DirectSession | undefined {
    const check = this.#checksByWay.get(way.name)
    return check && this.#sessionsByUfrag.get(check.remoteUfrag)
  }

  /**
   * The way that the cookie was sent by: this one, or another of the same end, which may have
   * changed its mind meanwhile.
   */
  #wayOfCookie({ random, cookie }: ClientHello, way: DirectWay): DirectWay | undefined {
    const nowMs = this.#options.nowMs()
    const isProven = ({ name }: DirectWay) => this.#cookies.check(name, random, cookie, nowMs)
    if (cookie.length === 0 || isProven(way)) return cookie.length === 0 ? undefined : way
    const remoteUfrag = this.#checksByWay.get(way.name)?.remoteUfrag
    if (remoteUfrag === undefined) return undefined
    return [...this.#checksByWay.values()]
      .filter((check) => check.remoteUfrag === remoteUfrag)
      .slice(-waysTriedMax)
      .map((check) => check.way)
      .find(isProven)
  }

  #receiveHello(
    hello: ClientHello,
    datagram: Uint8Array,
    way: DirectWay,
    session: DirectSession | undefined,
  ): void {
    const { nowMs, counts } = this.#options
    if (session && Buffer.compare(session.random, hello.random) === 0 && hello.cookie.length > 0) {
      // A repetition; or late, and of no use any more.
      if (session.isHandshaking) session.receive(datagram, way)
      return
    }
    const proven = this.#wayOfCookie(hello, way)
    if (!proven) {
      if (!this.#mayAnswerStranger()) return
      const cookie = this.#cookies.issue(way.name, hello.random, nowMs())
      way.send(encodeHelloVerifyRequest(hello, cookie))
      return
    }
    // The end at that port has begun anew.
    this.#sessionsByWay.get(proven.name)?.end()
    if (this.#options.isFull() || this.#hasTooMany(proven.host)) counts.sessionsRefused += 1
    else this.#begin(hello, proven).receive(datagram, way)
  }

  #hasTooMany(host: string): boolean {
    if (this.#sessionsByWay.size >= sessionsMax) return true
    let count = 0
    let countOfHost = 0
    for (const { isNew, way } of this.#sessionsByWay.values()) {
      if (!isNew) continue
      count += 1
      if (way.host === host) countOfHost += 1
    }
    return count >= newSessionsMax || countOfHost >= newSessionsPerAddressMax
  }

  #begin(hello: ClientHello, way: DirectWay): DirectSession {
    const { werift, certificate, counts, opened } = this.#options
    const session = new DirectSession({
      werift,
      certificate,
      counts,
      hello,
      way,
      moved: (moving, from) => {
        this.#forgetWay(moving, from)
        this.#sessionsByWay.set(moving.way.name, moving)
      },
      opened: (opening, pipe, binding) => {
        opened(pipe, binding, opening.way)
      },
      ended: (ending) => {
        this.#forgetWay(ending, ending.way)
        const { remoteUfrag = '' } = ending
        if (this.#sessionsByUfrag.get(remoteUfrag) === ending)
          this.#sessionsByUfrag.delete(remoteUfrag)
      },
    })
    this.#sessionsByWay.set(way.name, session)
    this.#nameSession(session, this.#checksByWay.get(way.name)?.remoteUfrag)
    return session
  }

  #forgetWay(session: DirectSession, way: DirectWay): void {
    if (this.#sessionsByWay.get(way.name) === session) this.#sessionsByWay.delete(way.name)
  }

  #mayAnswerStranger(): boolean {
    const { counts, nowMs } = this.#options
    const window = Math.floor(nowMs() / 1000)
    if (window !== this.#strangerWindow) this.#strangerAnswers = 0
    this.#strangerWindow = window
    if (this.#strangerAnswers >= strangerAnswersPerSecondMax) {
      counts.unanswered += 1
      return false
    }
    this.#strangerAnswers += 1
    return true
  }
}
