/** What is said to a person when a meeting does not come about. */

import { MeshError, type ProblemCode } from '@fieldmesh/core'

const sentences: Readonly<Partial<Record<ProblemCode, string>>> = {
  'invitation-malformed':
    'That is not the text that is wanted here. It begins with FIELDMESH: and comes from the other device.',
  'invitation-damaged': 'A part of the text is missing. Copy the whole of it.',
  'invitation-version': 'The other device has another version of this app. Reload the older one.',
  'invitation-expired': 'The invitation is over. Make a new one.',
  'invitation-mismatch': 'That answers another invitation. Begin again with the one shown here.',
  'invitation-used': 'That invitation was used already. Make a new one for each device.',
  'invitation-own': 'That is this device’s own text. It is for the other one.',
  'invitation-failed':
    'The two devices cannot reach each other. Bring both into one network, such as the hotspot of a phone.',
  'app-mismatch': 'That invitation is for another app.',
  'secret-mismatch': 'The other device belongs to another café.',
}

/** The promise, which rejects with a sentence for a person. */
export async function troubleOf<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise
  } catch (error) {
    const sentence = error instanceof MeshError ? sentences[error.code] : undefined
    throw sentence === undefined ? error : new Error(sentence, { cause: error })
  }
}
