import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createFixture, type Fixture } from '../http/fixture.ts'
import { type Host, hosts } from '../http/hosts.ts'
import { standardRoutes } from '../http/routes.ts'
import { type ProxyServer, nginx as startNginx } from '../support/proxy-server.ts'
import { rounds } from '../support/rounds.ts'

export const TRIES = rounds(20)
export const UPLOAD_BYTES = 10_000_000
export const UPLOAD = Buffer.alloc(UPLOAD_BYTES, 'x')
export const REFUSED = '401 credential_invalid'

/** The routes that refuse uploads: a guarded one and the exchange. */
export const PATHS = ['/customers/1', '/tokens']

/** Uploads 10 MB through nginx to some of the hosts. */
export function describeUploadsThroughNginx(names: readonly string[]): void {
  describe.each(Object.entries(hosts).filter(([name]) => names.includes(name)))(
    'a refused upload of 10 MB on %s',
    (_name, start) => {
      let fixture: Fixture
      let host: Host
      let nginx: ProxyServer

      beforeAll(async () => {
        fixture = await createFixture()
        host = await start(fixture.twinkey, {
          routes: standardRoutes,
          tokens: { '/tokens': undefined },
        })
        nginx = await startNginx(
          (port) => `
  client_max_body_size 64m;
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://127.0.0.1:${host.port}; }
  }`,
        )
      })
      afterAll(async () => {
        await nginx.stop()
        await host.close()
        await fixture.twinkey.close()
      })

      test.each(PATHS)(
        'through nginx with its defaults, gets the refusal of %s each time',
        async (path) => {
          const seen = await tally(async () => {
            const headers = { authorization: `Bearer ${fixture.secrets.revoked}` }
            const response = await fetch(`http://127.0.0.1:${nginx.port}${path}`, {
              method: 'POST',
              headers,
              body: UPLOAD,
            })
            const body = await response.text()
            return `${response.status} ${response.headers.get('content-type')?.includes('json') ? JSON.parse(body).code : body}`
          })
          expect(seen).toEqual({ [REFUSED]: TRIES })
        },
      )
    },
  )
}

/** How often each outcome of an attempt was seen. */
export async function tally(attempt: () => Promise<string>): Promise<Record<string, number>> {
  const seen: Record<string, number> = {}
  for (let i = 0; i < TRIES; i++) {
    const found = await attempt()
    seen[found] = (seen[found] ?? 0) + 1
  }
  return seen
}
