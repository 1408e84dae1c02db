import type { RawResponse } from '../support/raw-http.ts'
import { type RetryRules, type Session, sendWithRetries } from './session.ts'

// How the Python SDK 2.4.1 behaves, as observed: its headers, its bodies, its token cache and its
// retries.
const HEADERS = [
  ['User-Agent', 'python-flareio/2.4.1 requests/2.34.2'],
  ['Accept-Encoding', 'gzip, deflate'],
  ['Accept', '*/*'],
] as const
const TOKEN_MINUTES = 45
const RULES: RetryRules = {
  retried: (status) => [429, 502, 503, 504].includes(status),
  waitSeconds: [0, 4, 8, 15, 15],
}

/** No token was available. */
export class TokenError extends Error {
  override readonly name = 'TokenError'
}

/**
 * A client that keeps a token for 45 minutes, regardless of its lifetime, and never renews it on
 * 401.
 */
export interface FlareClient {
  readonly generateToken: () => Promise<string>
  readonly get: (path: string) => Promise<RawResponse>
}

export function flarePythonClient(
  session: Session,
  apiKey: string,
  tenantId?: number,
): FlareClient {
  let cached: { token: string; until: number } | undefined

  async function generateToken(): Promise<string> {
    const body = tenantId === undefined ? '' : JSON.stringify({ tenant_id: tenantId })
    const { status, ...answer } = await sendWithRetries(session, RULES, {
      method: 'POST',
      target: '/tokens/generate',
      headers: [
        ...HEADERS,
        ['Authorization', apiKey],
        ['Content-Length', String(body.length)],
        ...(tenantId === undefined ? [] : [['Content-Type', 'application/json'] as const]),
      ],
      body,
    })
    if (status >= 400) throw new TokenError(`Failed to fetch API Token: ${status}`)
    const { token } = JSON.parse(answer.body)
    cached = { token, until: session.now() + TOKEN_MINUTES * 60_000 }
    return token
  }

  return {
    generateToken,
    async get(path) {
      const token =
        cached !== undefined && session.now() <= cached.until ? cached.token : await generateToken()
      return sendWithRetries(session, RULES, {
        target: path,
        headers: [...HEADERS, ['Authorization', `Bearer ${token}`]],
      })
    },
  }
}
