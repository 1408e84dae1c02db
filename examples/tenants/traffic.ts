import { call, pause } from '../call.ts'

const CALLERS = 4

/**
 * Calls every process in turn with what its caller holds at the moment, until it is told to stop.
 * Then it prints how many calls failed.
 */
export function keepCalling(
  urls: () => readonly string[],
  path: string,
  holds: () => string,
): { stop(): Promise<void> } {
  let going = true
  let calls = 0
  const failed: string[] = []
  const callers = Array.from({ length: CALLERS }, async () => {
    while (going) {
      const url = urls()[calls++ % urls().length]
      const { status, body } = await call(`${url}${path}`, { credential: holds() }).catch(
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
