/**
 * Bugs that seeds found, each with the script that was left of the seed's by shrinking. A seed draws
 * another script once the swarm is changed, so the script is what stays; it was seen to fail where
 * the bug was still there. `pnpm sim` leaves such scripts in `.cache/sim`.
 */

export interface Regression {
  /** What went wrong. */
  readonly bug: string
  /** The script's file in the folder `regressions`, without its ending; it names the seed. */
  readonly file: string
}

/** Newest last. */
export const regressions: readonly Regression[] = [
  {
    bug: 'a spare that died in one direction was believed long after the link had gone over to it',
    file: 'silent-spare',
  },
  { bug: 'an opening that came late took the place of a newer one', file: 'late-opening' },
  {
    bug: 'a switch was never answered on a channel that was heard, and its end went unnoticed',
    file: 'unanswered-switch',
  },
  {
    bug: 'an acknowledgement was due without end on a channel that had no room for it',
    file: 'acknowledgement-without-room',
  },
  {
    bug: 'a message was repeated for ever in parts as long as what the path had been thought to take',
    file: 'parts-too-long',
  },
  {
    bug: 'a probe for longer messages was sent beyond the credit of its channel',
    file: 'probe-beyond-credit',
  },
  {
    bug: 'a large change on its way into storage was asked for once more, and held up what came after',
    file: 'asked-for-twice',
  },
  {
    bug: 'an answer to a handshake was too long for its path and took longer than the dial to be cut',
    file: 'long-among-short',
  },
]
