/** Observers of the application: called one after the other, whatever each of them throws. */

/** Calls the application's function; what it throws is the host's to report, not ours to suffer. */
export function callObserver<Value>(observer: (value: Value) => void, value: Value): void {
  try {
    observer(value)
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}
