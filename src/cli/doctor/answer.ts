const LIMIT_SECONDS = 5

/**
 * Asks the database. A database that hangs would keep the command from its result.
 *
 * @throws An error if there is no answer within 5 seconds.
 */
export async function answerOf<T>(ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      stop.abort()
      reject(new Error(`There was no answer within ${LIMIT_SECONDS} seconds.`))
    }, 1000 * LIMIT_SECONDS)
  })
  try {
    return await Promise.race([ask(stop.signal), late])
  } finally {
    clearTimeout(timer)
  }
}

/** Reads a list as {@link answerOf} asks. The limit is for each answer of the database. */
export async function* eachAnswer<T>(list: AsyncIterable<T>): AsyncGenerator<T> {
  const items = list[Symbol.asyncIterator]()
  for (;;) {
    const item = await answerOf(() => items.next())
    if (item.done) return
    yield item.value
  }
}
