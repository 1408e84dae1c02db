import { afterAll, expect, test } from 'vitest'
import { blockWith, createGuideRunner } from '../support/guide.ts'

const { run, stop, remove } = createGuideRunner()
afterAll(() => {
  stop()
  remove()
})

test('the whole server of docs/own-keys.md signs a user in, and its route accepts the key that the user makes', async () => {
  const listen =
    "const { PORT } = process.env\napp.listen(Number(PORT), () => console.log('Listening on http://localhost:' + PORT))"
  const { url } = await run(
    blockWith('own-keys', 'express-session').replace('app.listen(3000)', listen),
  )
  const to = (path: string, init: RequestInit = {}) =>
    fetch(`${url}${path}`, { redirect: 'manual', ...init })

  const stranger = await to('/keys/')
  expect([stranger.status, stranger.headers.get('location')]).toEqual([302, '/login'])
  const login = await to('/login')
  const cookie = login.headers.getSetCookie()[0]?.split(';', 1)[0] ?? ''
  expect(login.headers.get('location')).toBe('/keys/')
  const page = await to('/keys/', { headers: { cookie } })
  expect(await page.text()).toContain('Acme API keys')

  const headers = { cookie, 'x-twinkey': '1', 'content-type': 'application/json' }
  const scope = { tenants: ['t1'], environments: ['production'], workflows: ['customers.read'] }
  const made = await to('/keys/api/keys', {
    method: 'POST',
    headers,
    body: JSON.stringify({ name: 'billing', scope }),
  })
  expect(made.status).toBe(201)
  const { primary } = (await made.json()) as { primary: string }
  const called = await to('/customers', { headers: { authorization: `Bearer ${primary}` } })
  expect([called.status, await called.json()]).toEqual([200, { tenant: 't1' }])
  expect((await to('/customers')).status).toBe(401)
})
