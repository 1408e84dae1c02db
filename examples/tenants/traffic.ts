import { call, pause } from '../call.ts'

const CALLERS = 4

/** Calls the processes in turn with the current credential. `stop` prints the failures. */
export function keepCalling(
  urls: () => readonly string[],
  path: string,
  credential: () => string,
): { stop(): Promise<void> } {
  let going = true
  let calls = 0
  const failed: string[] = []
  const callers = Array.from({ length: CALLERS }, async () => {
    while (going) {
      const url = urls()[calls++ % urls().length]
      const { status, body } = await call(`${url}${path}`, { credential: credential() }).catch(
        (error) => ({
          status: 0,
          body: { code: `${error}` },
        }),
      )
      if (status !== 200) failed.push(`${status} ${body.code}`)
      await pause(2)
    }
  })
  return {
    async stop() {
      going = false
      await Promise.all(callers)
      console.log(
        `  ${calls} calls meanwhile, ${failed.length} failed ${[...new Set(failed)].join()}`.trimEnd(),
      )
    },
  }
}
