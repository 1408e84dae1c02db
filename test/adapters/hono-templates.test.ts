import { Hono, type MiddlewareHandler } from 'hono'
import { createTwinkey } from 'twinkey'
import { from, requireAuth } from 'twinkey/hono'
import { expect, it } from 'vitest'

// A guard on a wildcard of Hono is a middleware of every route below it. It uses only the template
// of the handler.

const twinkey = createTwinkey()
const { primary } = await twinkey.keys.create({
  name: 'n',
  scope: { tenants: ['t'], workflows: ['GET /api/*'] },
})
const guard = () => requireAuth(twinkey, { workflow: from.routeTemplate() })
const logger: MiddlewareHandler = (_c, next) => next()

async function ask(app: Hono, path: string): Promise<string> {
  const response = await app.request(path, { headers: { 'x-api-key': primary } })
  return response.ok ? response.text() : String(response.status)
}

it.each<[string, (app: Hono) => unknown]>([
  ['before a catch-all route', (app) => app.use('/api/*', guard())],
  ['before another middleware on the same wildcard', (app) => app.use('/api/*', guard(), logger)],
  [
    'in an application with an error handler',
    (app) => app.route('/api', failing().use('/*', guard())),
  ],
  ['as a route of its own', (app) => app.get('/api/*', guard())],
])(
  'a key for a wildcard does not reach another route below it: guard %s',
  async (_where, mount) => {
    const app = new Hono()
    mount(app)
    app.get('/api/admin', (c) => c.text('admin')).get('/api/*', (c) => c.text('any'))
    expect([await ask(app, '/api/admin'), await ask(app, '/api/other')]).toEqual(['400', 'any'])
  },
)

it.each<[string, (app: Hono) => unknown]>([
  ['for one method', (app) => app.get('/api/*', guard(), (c) => c.text('any'))],
  ['for all methods', (app) => app.all('/api/*', guard(), logger, (c) => c.text('any'))],
  ['that takes next', (app) => app.get('/api/*', guard(), async (c, _next) => c.text('any'))],
  [
    'in an application with an error handler',
    (app) =>
      app.route(
        '/api',
        failing().all('/*', guard(), (c) => c.text('any')),
      ),
  ],
  ['that is mounted', (app) => app.use('/api/*', guard()).mount('/api', () => new Response('any'))],
])('a key for the template of a handler reaches it: %s', async (how, mount) => {
  const app = new Hono()
  mount(app)
  if (how !== 'that is mounted') app.get('*', (c) => c.text('nothing here'))
  expect(await ask(app, '/api/admin')).toBe('any')
})

function failing(): Hono {
  return new Hono().onError((_error, c) => c.text('failed', 500))
}
