import type { Twinkey } from 'twinkey'
import type { Data } from './data.ts'
import type { createOAuth } from './oauth.ts'
import type { Pane } from './pane.ts'
import { json } from './reply.ts'
import type { Api } from './route.ts'
import { boomiFlowChapter } from './routes-boomi-flow.ts'
import { flareChapter } from './routes-flare.ts'
import { flowgearChapter } from './routes-flowgear.ts'
import { standardChapter } from './routes-standard.ts'
import type { Users } from './users.ts'

/** All routes of the demo: the standard convention and three products, on one Twinkey. */
export function createApi(
  twinkey: Twinkey,
  users: Users,
  data: Data,
  pane: Pane,
  oauth: ReturnType<typeof createOAuth>,
): Api {
  const chapters = [
    standardChapter(data),
    oauth,
    boomiFlowChapter(twinkey.keys, data),
    flareChapter(users, data),
    flowgearChapter(data),
  ]
  const jwks = {
    product: 'standard',
    method: 'GET',
    path: '/.well-known/jwks.json',
    about: 'The public keys that verify tokens.',
  } as const
  return {
    twinkey,
    open: [
      { path: '/', reply: () => json(200, [...chapters.flatMap(({ listed }) => listed), jwks]) },
      {
        path: jwks.path,
        reply: async () =>
          json(200, await twinkey.tokens.jwks(), { 'cache-control': 'public, max-age=300' }),
      },
      ...pane.open,
    ],
    routes: chapters.flatMap(({ routes }) => routes),
    tokens: chapters.flatMap(({ tokens }) => tokens ?? []),
    pane,
    oauth: oauth.endpoints,
  }
}
