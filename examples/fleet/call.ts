import { request } from 'node:http'

/** The answer to a call, and the node that sent it. */
export interface Answer {
  readonly status: number
  readonly node: string
}

/** Calls on a new connection, so that each call can reach another node. */
export function call(url: string, secret: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      { agent: false, headers: { authorization: `Bearer ${secret}` } },
      (response) => {
        response.resume()
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, node: String(response.headers['x-node']) }),
        )
      },
    )
    sent.on('error', reject).end()
  })
}

/** Calls sequentially until `stop`. */
export function keepCalling(
  url: string,
  secret: () => string,
): { stop(): Promise<readonly (Answer & { at: number })[]> } {
  let going = true
  const answers: (Answer & { at: number })[] = []
  const done = (async () => {
    while (going) answers.push({ ...(await call(url, secret())), at: performance.now() })
  })()
  return {
    async stop() {
      going = false
      await done
      return answers
    },
  }
}
