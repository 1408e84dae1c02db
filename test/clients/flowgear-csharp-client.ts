import { sendRaw } from '../support/raw-http.ts'
import { InvokeError } from './flowgear-php-client.ts'

/**
 * Invokes workflows like the vendor's C# sample, as observed. A result is a 2xx whose Content-Type
 * begins with `application/json`. It shows the text of a failure only if the body is JSON with
 * exactly one member, `Message`.
 */
export function flowgearCsharpClient(
  port: number,
  key: string,
): { invoke(path: string): Promise<unknown> } {
  return {
    async invoke(path) {
      const { status, headers, body } = await sendRaw(port, {
        target: path,
        headers: [
          ['Authorization', `Key=${key}`],
          ['Accept', 'application/json'],
        ],
      })
      const value: unknown = (headers['content-type'] ?? '').startsWith('application/json')
        ? JSON.parse(body)
        : undefined
      if (status >= 200 && status < 300 && value !== undefined) return value
      throw new InvokeError(messageOf(value) ?? `the server answered ${status} without a message`)
    },
  }
}

function messageOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const [member, ...others] = Object.entries(value)
  return member?.[0] === 'Message' && others.length === 0 ? String(member[1]) : undefined
}
