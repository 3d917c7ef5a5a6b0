/** What never may happen, and that it happened. */

/** What a violation is of. Shrinking a script keeps this. */
export type Invariant =
  /** An engine threw: one of its own invariants is broken. */
  | 'engine-failed'
  /** A deadline stands after it was handled, or more happens than can be. */
  | 'no-progress'
  /** A message or bytes beyond what a channel takes. */
  | 'channel-credit'
  /** Something held is larger than its bound. */
  | 'bounds'
  /** A counter grew that only hostile peers make grow. */
  | 'malformed'
  /** A key sealed two things under one nonce. */
  | 'nonce'
  /** Links or connections that are up twice, or down twice. */
  | 'alternation'
  /** A connection that ended for no reason. */
  | 'disconnect'
  /** Packets go round in circles. */
  | 'loop'
  /** Bytes of a stream that are wrong, missing, doubled, or after the end. */
  | 'stream-bytes'
  /** Bytes beyond the credit of a stream. */
  | 'stream-credit'
  /** A stream that ended otherwise than its ends asked, or not at all. */
  | 'stream-end'
  /** An acknowledged write that is not there, or something there that nobody wrote. */
  | 'writes'
  /** A live query or document that is not what is stored. */
  | 'live'
  /** Awareness that is wrong. */
  | 'awareness'
  /** A mended mesh that does not come together in time. */
  | 'convergence'
  /** A command without an answer. */
  | 'unanswered'
  /** Too much is said when nothing happens. */
  | 'chatter'
  /** Strangers who learn more than why they are refused. */
  | 'strangers'
  /** Two runs of one script that differ. */
  | 'repeatable'

export interface Violation {
  readonly invariant: Invariant
  /** What happened, with names and numbers. */
  readonly sentence: string
  /** Virtual time. */
  readonly atMs: number
}
