import type { Answer } from '../call.ts'

const LIFETIME = 3_600_000
const MARGIN = 2 * 60_000

/** How a caller gets a token, and how it uses one. */
export interface Way {
  exchange(): Promise<string>
  read(token: string): Promise<Answer<{ readonly code?: string }>>
}

/**
 * Exchanges and reads, one after the other, until it is told to stop. In each round the newest
 * token is used, the oldest that still has two minutes, and one in between: what signed them are
 * different keys after a change.
 */
export function keepReading({ exchange, read }: Way, now: () => number) {
  const tokens: { readonly token: string; readonly until: number }[] = []
  const failed: string[] = []
  let calls = 0
  let rounds = 0
  let going = true
  const done = (async () => {
    while (going) {
      const until = now() + LIFETIME - MARGIN
      tokens.push({ token: await exchange(), until })
      calls++
      while (tokens[0] !== undefined && tokens[0].until < now()) tokens.shift()
      for (const each of [tokens.at(-1), tokens[0], tokens[tokens.length >> 1]]) {
        const { status, body } = await read(each?.token ?? '')
        calls++
        if (status !== 200) failed.push(`${status} ${body.code}`)
      }
      rounds++
    }
  })()
  return {
    /** Waits for so many rounds that begin from now on. */
    async rounds(count: number): Promise<void> {
      const enough = rounds + count + 1
      while (rounds < enough)
        await Promise.race([done, new Promise((resolve) => setTimeout(resolve, 1))])
    },
    async stop(): Promise<void> {
      going = false
      await done
      console.log(
        `  ${calls} calls meanwhile, ${failed.length} failed ${[...new Set(failed)].join()}`.trimEnd(),
      )
    },
  }
}
