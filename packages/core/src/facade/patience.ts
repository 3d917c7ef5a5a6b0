/** Waiting that has an end of its own. The work that was waited for goes on. */

/** The promise's outcome, or what `late` gives or throws when it takes longer than `patienceMs`. */
export async function within<T>(
  promise: Promise<T>,
  patienceMs: number,
  late: () => T,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, patienceMs)
  })
  try {
    return await Promise.race([promise, patience.then(late)])
  } finally {
    clearTimeout(timer)
  }
}
