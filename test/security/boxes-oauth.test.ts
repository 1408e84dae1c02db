import { atRoot } from 'twinkey'
import { oauthEndpoints } from 'twinkey/oauth'
import { mount } from 'twinkey/web'
import { expect, it } from 'vitest'
import { createBench, ISSUER, signingKey } from '../support/bench.ts'

const SCOPE = { tenants: ['t1'], workflows: ['read'] }

async function createScene() {
  const { twinkey, spy } = createBench({
    tokens: { issuer: ISSUER, audience: ISSUER, signingKeys: [signingKey] },
  })
  const oauth = oauthEndpoints(twinkey, { url: `${ISSUER}/oauth` })
  const [own, root] = [mount(oauth, '/oauth'), mount(atRoot(oauth))]
  const { key, primary } = await twinkey.keys.create({ name: 'client', scope: SCOPE })
  const other = await twinkey.keys.create({ name: 'other', scope: SCOPE })
  const basic = (id: string, secret: string) =>
    `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`
  const send = async (request: Request) => {
    const answer =
      (await own(request)) ?? (await root(request)) ?? new Response('', { status: 404 })
    const text = await answer.text()
    return { status: answer.status, headers: answer.headers, text, json: text && JSON.parse(text) }
  }
  const post = (
    path: string,
    body: Record<string, string>,
    authorization: string | undefined = basic(key.id, primary),
  ) =>
    send(
      new Request(`${ISSUER}/oauth/${path}`, {
        method: 'POST',
        headers: authorization === '' ? {} : { authorization },
        body: new URLSearchParams(body),
      }),
    )
  const issue = async () =>
    (await post('token', { grant_type: 'client_credentials' })).json.access_token as string
  return { twinkey, spy, send, post, issue, basic, key, primary, other }
}

it('E2: a client authenticates by Basic, form-encoded, or in the form, in one way and never in the address', async () => {
  const { post, basic, key, primary } = await createScene()
  const grant = { grant_type: 'client_credentials' }
  const inForm = { ...grant, client_id: key.id, client_secret: primary }
  expect((await post('token', grant)).status).toBe(200)
  expect((await post('token', inForm, '')).status).toBe(200)
  expect((await post('token', inForm)).json.error).toBe('invalid_request')
  const inAddress = `token?client_id=${key.id}&client_secret=${primary}`
  expect((await post(inAddress, grant, '')).json.error).toBe('invalid_request')
  for (const wrong of [basic(key.id, 'wrong'), 'Basic ???', 'Basic']) {
    const { status, headers } = await post('token', grant, wrong)
    expect([status, headers.get('www-authenticate')]).toEqual([401, 'Basic realm="api"'])
  }
})

it('F1: introspection needs authentication, and shows nothing of a token that is not active or not of the caller', async () => {
  const { post, issue, basic, other, twinkey, key } = await createScene()
  const token = await issue()
  expect((await post('introspect', { token })).json).toMatchObject({ active: true, sub: key.id })
  expect((await post('introspect', { token }, '')).status).toBe(401)
  const asOther = basic(other.key.id, other.primary)
  await twinkey.keys.disable(other.key.id)
  expect((await post('introspect', { token }, asOther)).status).toBe(401)
  await twinkey.keys.enable(other.key.id)
  const inactive = [
    await post('introspect', { token }, asOther),
    await post('introspect', { token: 'x' }),
  ]
  await twinkey.tokens.revoke(token)
  inactive.push(await post('introspect', { token }))
  expect(inactive.map(({ status, text }) => [status, text])).toEqual(
    inactive.map(() => [200, '{"active":false}']),
  )
})

it('F2: a client revokes its own tokens only, and the response does not reveal whether the token existed', async () => {
  const { post, issue, basic, other, twinkey } = await createScene()
  const token = await issue()
  const answers = [
    await post('revoke', { token }, basic(other.key.id, other.primary)),
    await post('revoke', { token: 'unknown' }),
  ]
  expect((await twinkey.tokens.verify(token)).ok).toBe(true)
  answers.push(await post('revoke', { token }), await post('revoke', { token }))
  expect((await twinkey.tokens.verify(token)).ok).toBe(false)
  expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
  expect(answers[0]?.status).toBe(200)
})

it('F3: the metadata names the configured issuer, and only endpoints that answer', async () => {
  const { send } = await createScene()
  const headers = { host: 'evil.example', 'x-forwarded-host': 'evil.example' }
  const path = '/.well-known/oauth-authorization-server'
  const { json, text } = await send(new Request(`https://evil.example${path}`, { headers }))
  expect(json.issuer).toBe(ISSUER)
  expect(text).not.toContain('evil')
  for (const [name, url] of Object.entries(json as Record<string, string>)) {
    if (!/(_endpoint|_uri)$/.test(name)) continue
    const method = /jwks|authorization/.test(name) ? 'GET' : 'POST'
    expect([name, (await send(new Request(url, { method }))).status]).not.toContain(404)
  }
})

it('F4: errors are JSON of OAuth with the status of the answer, and reveal no internal details', async () => {
  const { post, spy, basic, other } = await createScene()
  spy.override({ get: () => Promise.reject(new Error('SELECT secret FROM keys at /srv/app')) })
  const grant = { grant_type: 'client_credentials' }
  const answers = [
    await post('token', grant, basic(other.key.id, other.primary)),
    await post('introspect', { token: 'x' }, basic(other.key.id, other.primary)),
    await post('token', { grant_type: 'password' }, ''),
    await post('token', {}),
  ]
  expect(answers.map(({ status }) => status)).toEqual([503, 503, 401, 400])
  for (const { json, text, headers } of answers) {
    expect(Object.keys(json)).toEqual(['error', 'error_description'])
    expect(headers.get('content-type')).toBe('application/json')
    expect(headers.get('cache-control')).toBe('no-store')
    expect(text).not.toMatch(/SELECT|\/srv|Error|stack/)
  }
})
