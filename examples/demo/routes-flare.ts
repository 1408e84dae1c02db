import { flare } from 'twinkey/profiles'
import { type Data, tenantOf } from './data.ts'
import { json } from './reply.ts'
import type { Chapter } from './route.ts'
import type { Users } from './users.ts'

const product = 'Flare'

/** The routes that follow the convention of Flare. */
export function flareChapter(users: Users, data: Data): Chapter {
  const profile = flare({ account: users.account })
  return {
    routes: [
      {
        method: 'GET',
        path: '/leaksdb/v2/sources',
        requirement: {
          profile,
          accept: ['token'],
          environment: 'Production',
          workflow: 'sources.read',
        },
        reply: ({ principal }) =>
          json(200, { items: data.sources(tenantOf(principal)), next: null }),
      },
    ],
    tokens: { path: '/tokens', options: { profile } },
    listed: [
      {
        product,
        method: 'POST',
        path: '/tokens/generate',
        about:
          'Exchanges a key for a token: {"tenant_id": 4001}, or no body for the default tenant.',
      },
      { product, method: 'GET', path: '/tokens/test', about: 'The account of a token.' },
      {
        product,
        method: 'GET',
        path: '/leaksdb/v2/sources',
        about: 'The sources of the tenant of a token.',
      },
    ],
  }
}
