import { randomBytes } from 'node:crypto'
import type { Endpoints, KeyringLimits, Keys, Twinkey } from 'twinkey'
import { paneEndpoints } from 'twinkey/pane'
import type { OpenRoute } from './route.ts'

/** Somebody who may sign in to the pane. */
export type PaneUser = keyof typeof LIMITS

/** The page in which the users of the demo manage their keys, with a login. */
export interface Pane {
  /**
   * The endpoints of the pane.
   *
   * @param cookieOf Reads the `Cookie` header of the request of a framework.
   */
  endpoints(cookieOf: CookieReader): Endpoints
  /** The login. */
  readonly open: readonly OpenRoute[]
  /** The cookie of each user, as a `Cookie` header. */
  readonly cookies: Readonly<Record<PaneUser, string>>
}

// The parameter has the type that each framework gives it.
// biome-ignore lint/suspicious/noExplicitAny: as above
export type CookieReader = (request: any) => string | undefined

export const PANE_PATH = '/keys'
const LOGIN_PATH = '/sign-in'
const COOKIE = 'demo_session'

const ofUser = (name: string): KeyringLimits => ({
  actor: name,
  owner: name,
  grantable: { tenants: ['acme'], environments: '*', workflows: ['customers.read'] },
})

const LIMITS = { ada: ofUser('ada'), grace: ofUser('grace'), operator: { actor: 'operator' } }

const ABOUT: Readonly<Record<PaneUser, string>> = {
  ada: 'Ada sees her own keys',
  grace: 'Grace sees hers',
  operator: 'The operator sees all keys',
}

/** Creates the pane. A real application has a login of its own, with passwords. */
export function createPane(twinkey: Twinkey): Pane {
  const users = Object.keys(LIMITS) as PaneUser[]
  const session = (user: PaneUser) => [user, randomBytes(16).toString('base64url')] as const
  const sessions = Object.fromEntries(users.map(session)) as Record<PaneUser, string>
  const cookieFor = (user: PaneUser) => `${COOKIE}=${sessions[user]}`
  const userOf = (cookie = '') =>
    users.find((user) => cookie.split(/; */).includes(cookieFor(user)))
  return {
    endpoints: (cookieOf) =>
      paneEndpoints(twinkey, {
        authorize(request) {
          const user = userOf(cookieOf(request))
          return user === undefined ? signIn() : LIMITS[user]
        },
        idleAfterSeconds: 24 * 60 * 60,
      }),
    open: [
      { path: LOGIN_PATH, reply: () => page(users) },
      ...users.map((user) => ({
        path: `${LOGIN_PATH}/${user}`,
        reply: () => ({
          status: 303,
          headers: {
            location: `${PANE_PATH}/`,
            'set-cookie': `${cookieFor(user)}; Path=/; HttpOnly; SameSite=Lax`,
            'cache-control': 'no-store',
          },
          body: '',
        }),
      })),
    ],
    cookies: Object.fromEntries(users.map((user) => [user, cookieFor(user)])) as Pane['cookies'],
  }
}

function signIn(): Response {
  return new Response(null, { status: 302, headers: { location: LOGIN_PATH } })
}

function page(users: readonly PaneUser[]) {
  const links = users.map((user) => `<li><a href="${LOGIN_PATH}/${user}">${ABOUT[user]}</a></li>`)
  const style =
    ':root{color-scheme:light dark}body{font:16px/28px system-ui,sans-serif;max-width:24rem;margin:20vh auto;padding:0 1rem}ul{padding:0;list-style:none}a{color:LinkText}'
  return {
    status: 200,
    headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' },
    body: `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Sign in</title><style>${style}</style><h1>Sign in as</h1><ul>${links.join('')}</ul>`,
  }
}

const DAY = 24 * 60 * 60 * 1000

/**
 * Creates keys of Ada and Grace in different states.
 *
 * @returns The secret of a key in use.
 */
export async function createPaneKeys({ within }: Keys, now: number): Promise<string> {
  const [ofAda, ofGrace] = [within(LIMITS.ada), within(LIMITS.grace)]
  const scope = { tenants: ['acme'], workflows: ['customers.read'] }
  const production = { ...scope, environments: ['Production'] }
  const billing = await ofAda.create({
    name: 'Billing export',
    scope: production,
    expiresAt: now + 83 * DAY,
  })
  const nightly = await ofAda.create({
    name: 'Nightly import',
    scope,
    secondary: false,
    expiresAt: now + 6 * DAY,
  })
  await ofAda.rotate(nightly.key.id, { graceSeconds: 9 * 60 * 60 })
  const zapier = await ofAda.create({ name: 'Zapier', scope: production })
  await ofAda.disable(zapier.key.id)
  await ofGrace.create({ name: 'Warehouse scanner 7', scope: production, secondary: false })
  const old = await ofGrace.create({ name: 'Old importer', scope })
  await ofGrace.revoke(old.key.id)
  return billing.primary
}
