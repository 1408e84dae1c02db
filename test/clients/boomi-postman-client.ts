import { type RawResponse, sendRaw } from '../support/raw-http.ts'

/**
 * Sends requests as Postman does: headers in the case in which they were typed, and the
 * application's own beside them.
 */
export function boomiPostmanClient(
  port: number,
  typed: Readonly<Record<string, string>>,
): { get(path: string): Promise<RawResponse> } {
  return {
    get: (path) =>
      sendRaw(port, {
        target: path,
        headers: [
          ...Object.entries(typed),
          ['User-Agent', 'PostmanRuntime/7.44.0'],
          ['Accept', '*/*'],
          ['Cache-Control', 'no-cache'],
          ['Postman-Token', '6f1d2c3b-0000-4000-8000-000000000000'],
          ['Accept-Encoding', 'gzip, deflate, br'],
        ],
      }),
  }
}
