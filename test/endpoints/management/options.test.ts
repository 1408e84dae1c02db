import { createTwinkey } from 'twinkey'
import { type ManagementOptions, managementEndpoints } from 'twinkey/management'
import { mount } from 'twinkey/web'
import { describe, expect, test } from 'vitest'
import { answerOf } from '../../../src/endpoints/host-response.ts'

const authorize = () => ({ actor: 'ada' })

describe('managementEndpoints', () => {
  test.each([
    ['without options', undefined],
    ['without authorize', {}],
    ['with authorize that is no function', { authorize: true }],
    ['with an unknown option', { authorize, auth: 1 }],
    ['with an origin that has a path', { authorize, origins: ['https://a.example/'] }],
    ['with an origin that is no URL', { authorize, origins: ['a.example'] }],
    ['with a policy that has an unknown rule', { authorize, policy: { max: 1 } }],
    ['with no key', { authorize, policy: { maxKeys: 0 } }],
    ['with null limits', { authorize, policy: { limits: null } }],
    ['with a wrong network', { authorize, policy: { networks: ['x'] } }],
    ['with three secrets', { authorize, policy: { secrets: 3 } }],
    [
      'with a default beyond the maximum',
      { authorize, policy: { defaultExpiresInSeconds: 2, maxExpiresInSeconds: 1 } },
    ],
  ])('does not start %s', (_row, options) => {
    expect(() => managementEndpoints(createTwinkey(), options as ManagementOptions)).toThrow(
      TypeError,
    )
  })

  test('does not start without a Twinkey', () => {
    expect(() => managementEndpoints({} as never, { authorize })).toThrow('createTwinkey')
  })

  test.each([
    ['null', null],
    ['true', true],
    ['a text', 'ada'],
    ['no actor', { owner: 'ada' }],
    ['an owner that is missing', { actor: 'ada', owner: undefined }],
    ['an unknown limit', { actor: 'ada', admin: true }],
    ['an unknown right', { actor: 'ada', can: ['everything'] }],
  ])('lets nobody in if authorize answers %s', async (_row, answer) => {
    const endpoints = managementEndpoints(createTwinkey(), { authorize: () => answer as never })
    const request = new Request('http://localhost/keys', { headers: { 'x-twinkey': '1' } })
    await expect(mount(endpoints)(request)).rejects.toThrow('authorize must return')
  })

  test('passes an error of authorize on to the framework, and is not asked for forged requests', async () => {
    let asked = 0
    const fail = () => {
      asked++
      throw new Error('the session store is down')
    }
    const handle = mount(managementEndpoints(createTwinkey(), { authorize: fail }))
    const send = (headers: Record<string, string>) =>
      handle(new Request('http://localhost/keys', { headers }))
    expect((await send({ 'sec-fetch-site': 'cross-site', 'x-twinkey': '1' }))?.status).toBe(403)
    expect(asked).toBe(0)
    await expect(send({ 'x-twinkey': '1' })).rejects.toThrow('the session store is down')
  })

  test('accepts a page behind a proxy that changes the host, if its origin is listed', async () => {
    const origins = ['https://keys.example']
    const handle = mount(managementEndpoints(createTwinkey(), { authorize, origins }))
    const send = (origin: string) =>
      handle(new Request('http://upstream/keys', { headers: { origin } }))
    expect((await send('https://keys.example'))?.status).toBe(200)
    expect((await send('https://other.example'))?.status).toBe(403)
  })
})

test('the host may return the same response again, but not one with an invalid status', async () => {
  const login = new Response('Sign in', { status: 401 })
  expect((await answerOf(login)).body).toBe('Sign in')
  expect((await answerOf(login)).body).toBe('Sign in')
  await expect(answerOf(Response.error())).rejects.toThrow('from 200 to 599')
})
