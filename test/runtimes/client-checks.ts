import { createClient } from 'twinkey/client'
import { requireAuth } from 'twinkey/web'
import { createBench } from '../support/bench.ts'
import { tokenHandler } from '../support/token-handler.ts'
import { type Check, errorCodeOf, same } from './check.ts'

const scope = { tenants: ['t1'], workflows: ['a'] }
const ORIGIN = 'https://api.example'

/** A client of a Twinkey in the same process, and what it sent. */
async function scene() {
  const { twinkey, clock } = createBench({ environments: ['production'] })
  const { key, primary, secondary } = await twinkey.keys.create({ name: 'one', scope })
  const exchange = tokenHandler(twinkey, undefined, '/tokens')
  const guard = requireAuth(twinkey, { workflow: 'a', accept: ['token'] }, async (request) =>
    Response.json({ body: await request.text() }),
  )
  const seen: string[] = []
  const client = createClient({
    tokenUrl: `${ORIGIN}/tokens`,
    secrets: [primary, secondary ?? undefined],
    origins: [ORIGIN],
    now: clock.now,
    async fetch(input, init) {
      const request = new Request(input, init)
      const { origin, pathname } = new URL(request.url)
      seen.push(`${pathname} ${origin === ORIGIN} ${request.headers.has('authorization')}`)
      if (pathname === '/tokens') return exchange(request)
      if (pathname === '/away')
        return new Response(null, { status: 307, headers: { location: 'https://b.example/there' } })
      return pathname === '/there' ? Response.json({}) : guard(request)
    },
  })
  return { twinkey, clock, keyId: key.id, client, seen }
}

const bodies: Readonly<Record<string, () => RequestInit>> = {
  'no body': () => ({}),
  'a text': () => ({ method: 'POST', body: 'text' }),
  bytes: () => ({ method: 'POST', body: new TextEncoder().encode('text') }),
  'a Blob': () => ({ method: 'POST', body: new Blob(['text']) }),
}

/** The client: exchange, failover with each form of a request, renewal, redirects and errors. */
export const clientChecks: readonly Check[] = [
  ...Object.entries(bodies).flatMap(([what, init]) =>
    [false, true].map(
      (isRequest): Check => ({
        name: `client: ${what}${isRequest ? ' in a Request' : ''} is sent again with the other secret`,
        async run() {
          const { client, seen, twinkey, keyId } = await scene()
          const call = async () => {
            const url = `${ORIGIN}/a`
            const response = isRequest
              ? await client.fetch(new Request(url, init()))
              : await client.fetch(url, init())
            return [response.status, ((await response.json()) as { body: string }).body]
          }
          const expected = [200, init().body === undefined ? '' : 'text']
          same(await call(), expected)
          await twinkey.keys.renew(keyId, { slots: 'primary' })
          same(await call(), expected)
          same(seen.length, 2 + 4)
        },
      }),
    ),
  ),
  {
    name: 'client: a hundred calls at once cause one exchange',
    async run() {
      const { client, seen } = await scene()
      const calls = Array.from({ length: 100 }, () => client.fetch(`${ORIGIN}/a`))
      same([...new Set((await Promise.all(calls)).map(({ status }) => status))], [200])
      same(seen.filter((each) => each.startsWith('/tokens')).length, 1)
    },
  },
  {
    name: 'client: a token is renewed in the background',
    async run() {
      const { client, clock } = await scene()
      const first = await client.token()
      clock.advance(0.86 * 3_600_000)
      same(await client.token(), first)
      await client.flush()
      same((await client.token()) === first, false)
    },
  },
  {
    name: 'client: a redirect to another origin loses the token',
    async run() {
      const { client, seen } = await scene()
      same((await client.fetch(`${ORIGIN}/away`)).status, 200)
      same(seen.slice(1), ['/away true true', '/there false false'])
    },
  },
  {
    name: 'client: a revoked key is refused, and a closed client too',
    async run() {
      const { client, twinkey, keyId } = await scene()
      await twinkey.keys.revoke(keyId)
      same(await errorCodeOf(() => client.fetch(`${ORIGIN}/a`)), 'credential_refused')
      client.close()
      same(await errorCodeOf(() => client.token()), 'client_closed')
    },
  },
]
