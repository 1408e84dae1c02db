import { managementEndpoints } from 'twinkey/management'
import { paneEndpoints } from 'twinkey/pane'
import { mount } from 'twinkey/web'
import { expect, it } from 'vitest'
import { createManagement, inProcess, SCOPE } from '../endpoints/management/scene.ts'

const NEW = { name: 'new', scope: SCOPE }

it('G1: the management API does not start without authorize, and shows nothing to a request that authorize does not know', async () => {
  const scene = createManagement()
  for (const options of [undefined, {}, { authorize: undefined }, { authorize: true }])
    for (const create of [managementEndpoints, paneEndpoints])
      expect(() => create(scene.twinkey, options as never)).toThrow(TypeError)
  const send = inProcess(scene)
  for (const path of ['/keys', '/keys/unknown', '/history', '/session'])
    expect((await send({ path })).status).toBe(404)
})

it('G2: a caller cannot grant more than it is allowed to, and a refused request changes nothing', async () => {
  const scene = createManagement()
  const send = inProcess(scene)
  const wide = [
    { ...SCOPE, tenants: ['globex'] },
    { ...SCOPE, tenants: '*' },
    { ...SCOPE, environments: ['production'] },
    { ...SCOPE, workflows: ['admin'] },
  ]
  for (const scope of wide) {
    const body = { ...NEW, scope }
    const { status, json } = await send({ method: 'POST', path: '/keys', user: 'ada', body })
    expect([status, json.code]).toEqual([403, 'not_grantable'])
  }
  expect((await scene.twinkey.keys.list()).keys).toEqual([])
  const { json } = await send({ method: 'POST', path: '/keys', user: 'ada', body: NEW })
  const path = `/keys/${json.key.id}`
  for (const scope of wide)
    expect((await send({ method: 'PATCH', path, user: 'ada', body: { scope } })).status).toBe(403)
  expect((await send({ method: 'POST', path: `${path}/disable`, user: 'reader' })).status).toBe(403)
  expect((await scene.twinkey.keys.get(json.key.id))?.scope).toEqual(SCOPE)
})

it('G3: a body has known members only, and no answer has a digest', async () => {
  const scene = createManagement()
  const send = inProcess(scene)
  for (const more of [
    { owner: 'grace' },
    { actor: 'x' },
    { id: 'x' },
    { digest: 'x' },
    { primary: 'x' },
  ])
    expect(
      (await send({ method: 'POST', path: '/keys', user: 'ada', body: { ...NEW, ...more } }))
        .status,
    ).toBe(400)
  const { text, json } = await send({ method: 'POST', path: '/keys', user: 'ada', body: NEW })
  const read = await send({ path: `/keys/${json.key.id}`, user: 'ada' })
  const history = await send({ path: `/keys/${json.key.id}/history`, user: 'ada' })
  const stored = JSON.stringify(await scene.spy.inner.get(json.key.id))
  const digests = [...stored.matchAll(/"digest":"([^"]+)"/g)].map(([, digest = '']) => digest)
  expect(digests.length).toBe(2)
  for (const digest of digests)
    expect([text, read.text, history.text].some((each) => each.includes(digest))).toBe(false)
  expect(`${read.text}${history.text}`).not.toContain(json.primary)
})

it('G4: a request that a page of another site can cause changes nothing, and a change needs JSON', async () => {
  const scene = createManagement()
  const send = inProcess(scene)
  const forged = [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.example' },
    { 'x-twinkey': undefined },
  ]
  for (const headers of forged)
    expect(
      (await send({ method: 'POST', path: '/keys', user: 'ada', body: NEW, headers })).status,
    ).toBe(403)
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', undefined]) {
    const headers = { 'content-type': type }
    const { status } = await send({
      method: 'POST',
      path: '/keys',
      user: 'ada',
      body: NEW,
      headers,
    })
    expect([403, 415]).toContain(status)
  }
  expect((await scene.twinkey.keys.list()).keys).toEqual([])
})

it('G5: the page runs no inline code, is in no frame and in no cache', async () => {
  const { twinkey } = createManagement()
  const handle = mount(
    paneEndpoints(twinkey, { authorize: () => ({ actor: 'ada', owner: 'ada' }) }),
    '/keys',
  )
  const shell = await handle(new Request('http://localhost/keys/'))
  const policy = shell?.headers.get('content-security-policy') ?? ''
  for (const rule of [
    "default-src 'none'",
    "script-src 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ])
    expect(policy).toContain(rule)
  expect(policy).not.toMatch(/unsafe|\*/)
  const all = ['cache-control', 'x-content-type-options', 'referrer-policy']
  expect(all.map((name) => shell?.headers.get(name))).toEqual([
    'no-store',
    'nosniff',
    'no-referrer',
  ])
  const html = (await shell?.text()) ?? ''
  expect(html).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=/i)
})

it('G6: pages have at most 100 keys, and a cursor belongs to its caller', async () => {
  const scene = createManagement()
  const send = inProcess(scene)
  for (let i = 0; i < 3; i++) {
    const body = { ...NEW, name: `${i}` }
    expect((await send({ method: 'POST', path: '/keys', user: 'ada', body })).status).toBe(201)
  }
  expect((await send({ path: '/keys?limit=101', user: 'ada' })).status).toBe(400)
  const { json } = await send({ path: '/keys?limit=1', user: 'ada' })
  expect(json.nextCursor).toEqual(expect.any(String))
  const next = `/keys?limit=1&cursor=${encodeURIComponent(json.nextCursor)}`
  expect((await send({ path: next, user: 'ada' })).status).toBe(200)
  expect((await send({ path: next, user: 'grace' })).status).toBe(400)
})
