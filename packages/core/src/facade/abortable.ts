/** Waiting that a signal can end. The work that was waited for goes on. */

/** The promise's outcome, or a rejection with the signal's own reason, whichever comes first. */
export async function abortable<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (!signal) return promise
  // Its own rejection may come when nobody waits for it any more.
  promise.catch(() => {})
  signal.throwIfAborted()
  let stopListening = () => {}
  const aborted = new Promise<never>((_resolve, reject) => {
    // The reason is the application's own value, whatever it is.
    const abort = () => reject(signal.reason as Error)
    signal.addEventListener('abort', abort)
    stopListening = () => signal.removeEventListener('abort', abort)
  })
  return Promise.race([promise, aborted]).finally(stopListening)
}
