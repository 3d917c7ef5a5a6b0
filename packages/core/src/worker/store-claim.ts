/**
 * The store claim: one engine for each store of a browser profile.
 *
 * With Web Locks the browser sees to it. On pages that are no secure context there are none; there,
 * who wants a store asks on a BroadcastChannel whether somebody holds it, and the lowest of the random
 * ids of those who ask at the same time may have it. A holder that is too busy to answer loses its
 * store to the next claim; then the store's epoch refuses its writes.
 */

/** A store held. */
export interface StoreClaim {
  /** Lets the next one have it. Idempotent. */
  release(): void
}

export interface StoreClaimOptions {
  /** How long to wait for another tab, or this page's former life, to let go. */
  readonly patienceMs?: number
  /** Default: the browser's, where it has them. */
  readonly locks?: LockManager | undefined
  /** How long a holder has to answer a claim. */
  readonly answerMs?: number
}

/** A reload ends the old worker within some 100 ms; a busy machine gets time. */
const patienceMsDefault = 2_000
const answerMsDefault = 250

/** Claims the store, or gives `undefined` when somebody else goes on holding it. */
export async function claimStore(
  name: string,
  options: StoreClaimOptions = {},
): Promise<StoreClaim | undefined> {
  const { patienceMs = patienceMsDefault, answerMs = answerMsDefault } = options
  const locks = 'locks' in options ? options.locks : navigator.locks
  return locks ? claimLock(locks, name, patienceMs) : claimByAsking(name, patienceMs, answerMs)
}

async function claimLock(
  locks: LockManager,
  name: string,
  patienceMs: number,
): Promise<StoreClaim | undefined> {
  const patience = new AbortController()
  const timer = setTimeout(() => patience.abort(), patienceMs)
  return new Promise((resolve) => {
    const held = async (): Promise<void> => {
      clearTimeout(timer)
      // The lock is held until this resolves.
      return new Promise((release) => {
        resolve({ release })
      })
    }
    locks.request(name, { signal: patience.signal }, held).catch(() => resolve(undefined))
  })
}

type ClaimMessage =
  /** I want it. */
  | { readonly type: 'claim'; readonly id: string }
  /** It is taken, or I asked with a lower id. */
  | { readonly type: 'held'; readonly id: string }

async function claimByAsking(
  name: string,
  patienceMs: number,
  answerMs: number,
): Promise<StoreClaim | undefined> {
  const claim = new AskedClaim(name)
  const endMs = performance.now() + patienceMs
  do {
    if (await claim.ask(answerMs)) return claim
  } while (performance.now() + answerMs <= endMs)
  claim.release()
  return undefined
}

class AskedClaim implements StoreClaim {
  readonly #channel: BroadcastChannel
  readonly #id = randomId()
  #state: 'idle' | 'asking' | 'refused' | 'held' = 'idle'

  constructor(name: string) {
    this.#channel = new BroadcastChannel(name)
    this.#channel.onmessage = ({ data }: MessageEvent<ClaimMessage>) => this.#hear(data)
  }

  /** Asks once; true when nobody objected in time. */
  async ask(answerMs: number): Promise<boolean> {
    this.#state = 'asking'
    this.#tell({ type: 'claim', id: this.#id })
    await new Promise<void>((resolve) => {
      setTimeout(resolve, answerMs)
    })
    if (this.#isRefused()) return false
    this.#state = 'held'
    return true
  }

  release(): void {
    this.#channel.close()
  }

  #isRefused(): boolean {
    return this.#state === 'refused'
  }

  #hear(message: ClaimMessage): void {
    if (message.type === 'claim') {
      const isMine = this.#state === 'held' || (this.#state === 'asking' && this.#id < message.id)
      if (isMine) this.#tell({ type: 'held', id: message.id })
      else if (this.#state === 'asking') this.#state = 'refused'
    } else if (message.id === this.#id && this.#state === 'asking') this.#state = 'refused'
  }

  #tell(message: ClaimMessage): void {
    this.#channel.postMessage(message)
  }
}

/** `crypto.randomUUID` is missing where this is needed. */
function randomId(): string {
  const words = crypto.getRandomValues(new Uint32Array(4))
  return Array.from(words, (word) => word.toString(16).padStart(8, '0')).join('')
}
