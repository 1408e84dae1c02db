import type { Answer } from '../call.ts'

const LIFETIME = 3_600_000
const MARGIN = 2 * 60_000

/** How a caller gets and uses a token. */
export interface Way {
  exchange(): Promise<string>
  read(token: string): Promise<Answer<{ readonly code?: string }>>
}

/**
 * Exchanges and reads until `stop`. Each round uses the newest token, the oldest one that is valid
 * for two more minutes, and one in between. After a change of the signing key, different keys have
 * signed them.
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
    /** Waits for a number of rounds that begin after this call. */
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
