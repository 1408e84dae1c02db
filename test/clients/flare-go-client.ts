import { type FlareClient, TokenError } from './flare-python-client.ts'
import { type RetryRules, type Session, sendWithRetries } from './session.ts'

// How the Go SDK behaves, as observed. It posts JSON without a Content-Type, and a tenant of 0 is
// none.
const HEADERS = [
  ['User-Agent', 'go-flareio/0.1.0'],
  ['Accept-Encoding', 'gzip'],
] as const
const TOKEN_MINUTES = 45
const RULES: RetryRules = {
  retried: (status) => status === 429 || (status >= 500 && status !== 501),
  waitSeconds: [2, 4, 8, 15, 15],
}

export function flareGoClient(session: Session, apiKey: string, tenantId = 0): FlareClient {
  let cached: { token: string; until: number } | undefined

  async function generateToken(): Promise<string> {
    const body = JSON.stringify(tenantId === 0 ? {} : { tenant_id: tenantId })
    const { status, ...answer } = await sendWithRetries(session, RULES, {
      method: 'POST',
      target: '/tokens/generate',
      headers: [...HEADERS, ['Content-Length', String(body.length)], ['Authorization', apiKey]],
      body,
    })
    if (status !== 200) throw new TokenError(`unexpected response code: ${status}`)
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
