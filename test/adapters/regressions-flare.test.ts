import type { Scope } from 'twinkey'
import { type FlareAccount, type FlareOptions, flare } from 'twinkey/profiles'
import { describe, expect, test } from 'vitest'
import { createBench } from '../support/bench.ts'
import { tokenHandler } from '../support/token-handler.ts'

const ACCOUNT: FlareAccount = {
  userId: 7,
  userEmail: 'ada@example.com',
  organizationId: 3,
  tenantId: 1001,
}

/**
 * The endpoints for one key of Ada's. A test can change her scope and how her account is looked up.
 */
async function createAda(tenants: Scope['tenants'] = ['1001', '1002']) {
  const ada: { tenants: Scope['tenants']; account: FlareOptions['account'] } = {
    tenants,
    account: () => ACCOUNT,
  }
  const bench = createBench({
    ownerScope: () => ({ tenants: ada.tenants, environments: '*', workflows: '*' }),
  })
  const { twinkey } = bench
  const { key, primary } = await twinkey.keys.create({
    name: 'n',
    owner: 'ada',
    scope: { tenants: '*', workflows: '*' },
  })
  const profile = flare({ account: (principal) => ada.account(principal) })
  const handle = tokenHandler(twinkey, { profile }, '/tokens')
  const generate = (body?: object) =>
    handle(
      new Request('http://localhost/tokens/generate', {
        method: 'POST',
        headers: { authorization: primary },
        body: body === undefined ? null : JSON.stringify(body),
      }),
    )
  const tokenFor = async (tenantId: number) =>
    ((await (await generate({ tenant_id: tenantId })).json()) as { token: string }).token
  const test = (token: string) =>
    handle(
      new Request('http://localhost/tokens/test', {
        headers: { authorization: `Bearer ${token}` },
      }),
    )
  const reaches = async (next: Scope['tenants']) => {
    ada.tenants = next
    await twinkey.invalidateOwner('ada')
  }
  return { ...bench, ada, key, primary, generate, tokenFor, test, reaches }
}

describe('an account that cannot be looked up', () => {
  test.each<[string, FlareOptions['account']]>([
    [
      'throws',
      () => {
        throw new Error('accounts are down')
      },
    ],
    ['rejects', () => Promise.reject(new Error('accounts are down'))],
  ])('answers 503 at both endpoints, and an event carries the error: it %s', async (_, account) => {
    const { ada, events, generate, tokenFor, test: ask } = await createAda()
    const token = await tokenFor(1001)
    ada.account = account
    for (const call of [() => generate(), () => ask(token)]) {
      events.length = 0
      const answer = await call()
      expect(answer.status).toBe(503)
      expect(answer.headers.get('retry-after')).not.toBeNull()
      expect(await answer.text()).not.toContain('accounts are down')
      expect(events.filter(({ type }) => type.startsWith('warning'))).toEqual([
        expect.objectContaining({
          type: 'warning.owner_unavailable',
          error: expect.objectContaining({
            code: 'owner_unavailable',
            cause: expect.objectContaining({ message: 'accounts are down' }),
          }),
        }),
      ])
      expect(events.map(({ type }) => type)).not.toContain('token.issued')
    }
    ada.account = () => ACCOUNT
    expect([(await generate()).status, (await ask(token)).status]).toEqual([200, 200])
  })

  test('differs from a missing account, which causes no warning', async () => {
    const { ada, events, generate, tokenFor, test: ask } = await createAda()
    const token = await tokenFor(1001)
    ada.account = () => undefined
    expect([(await generate()).status, (await ask(token)).status]).toEqual([401, 401])
    expect(events.filter(({ type }) => type.startsWith('warning'))).toEqual([])
  })
})

describe('a token for a tenant that its owner lost', () => {
  test.each<[string, Scope['tenants']]>([
    ['others are left', ['1001']],
    ['several are left', ['1001', '1003']],
    ['nothing is left', []],
  ])('is denied at /tokens/test and names no other tenant: %s', async (_, left) => {
    const { tokenFor, test: ask, reaches } = await createAda()
    const token = await tokenFor(1002)
    expect(await (await ask(token)).json()).toMatchObject({ tenant_id: 1002 })
    await reaches(left)
    const answer = await ask(token)
    expect(answer.status).toBe(403)
    const text = await answer.text()
    expect(JSON.parse(text)).toMatchObject({ error: { code: 'TENANT_DENIED' } })
    expect(text).not.toMatch(/100\d/)
    await reaches(['1002'])
    expect(await (await ask(token)).json()).toMatchObject({ tenant_id: 1002 })
  })
})
