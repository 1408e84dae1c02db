import { sendRaw } from '../support/raw-http.ts'

/**
 * A call without the answer that the client needs, with what the client could read of the answer.
 */
export class InvokeError extends Error {
  override readonly name = 'InvokeError'
}

/**
 * Invokes workflows like the vendor's PHP sample, as observed: only a status of exactly 200 is a
 * result.
 */
export function flowgearPhpClient(
  port: number,
  key: string,
): { invoke(path: string, payload?: object): Promise<unknown> } {
  return {
    async invoke(path, payload) {
      const body = payload === undefined ? undefined : JSON.stringify(payload)
      const { status, ...answer } = await sendRaw(port, {
        method: body === undefined ? 'GET' : 'POST',
        target: path,
        headers: [
          ['Accept', '*/*'],
          ['Authorization', `Key=${key}`],
          ['Content-Type', 'application/json'],
          ...(body === undefined
            ? []
            : [['Content-Length', String(Buffer.byteLength(body))] as const]),
        ],
        body,
      })
      if (status !== 200) throw new InvokeError(`${status} ${answer.body}`)
      return JSON.parse(answer.body)
    },
  }
}
