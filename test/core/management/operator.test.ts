import {
  createTwinkey,
  from,
  isTwinkeyError,
  memoryStore,
  type Profile,
  type RefusedEvent,
  type Requirement,
  rateLimited,
  type TwinkeyEvent,
} from 'twinkey'
import type { WireBody } from 'twinkey/http'
import { flare, standard } from 'twinkey/profiles'
import { describe, expect, test } from 'vitest'
import { byHeaders, codeOf, type Sent, sent } from '../../support/sent.ts'
import { spyStore } from '../../support/spy-store.ts'

// What operators and authors of stores need in order to find a problem.

async function errorCodeOf(
  call: Promise<unknown>,
): Promise<{ code: string; message: string; cause: unknown }> {
  const error = await call.then(
    () => undefined,
    (caught: unknown) => caught,
  )
  if (!isTwinkeyError(error)) throw new Error('no fault')
  return { code: error.code, message: error.message, cause: error.cause }
}

describe('the error store_malformed names the call and the member, and no value', () => {
  test.each([
    [
      'a version as text',
      { version: '12' },
      'get',
      'version must be a whole number, but is an invalid string',
    ],
    [
      'a date',
      { createdAt: new Date() },
      'get',
      'createdAt must be epoch milliseconds, but is an invalid object',
    ],
    [
      'no secondary',
      { secondary: undefined },
      'get',
      'secondary must be a stored secret or null, but is missing',
    ],
    [
      'no last uses',
      { lastUsedAt: undefined },
      'get',
      'lastUsedAt must be an object of epoch milliseconds by secret id, but is missing',
    ],
  ])('%s', async (_name, change, call, sentence) => {
    const spy = spyStore(memoryStore())
    const { keys } = createTwinkey({ store: spy.store })
    const { key } = await keys.create({ name: 'a', scope: { tenants: ['t'], workflows: '*' } })
    spy.override({ get: async (id) => ({ ...(await spy.inner.get(id)), ...change }) as never })
    const fault = await errorCodeOf(keys.update(key.id, { name: 'b' }))
    expect(fault.code).toBe('store_malformed')
    expect(fault.message).toContain(`answer to ${call}: `)
    expect(fault.message).toContain(sentence)
  })

  test('null for a key that is not there', async () => {
    const spy = spyStore(memoryStore())
    spy.override({ get: async () => null as never })
    const { message } = await errorCodeOf(
      createTwinkey({ store: spy.store }).keys.update('a', { name: 'b' }),
    )
    expect(message).toContain('a record must be a plain object, but is null')
  })
})

test('the error outcome_unknown has the error of the store as its cause', async () => {
  const spy = spyStore(memoryStore())
  spy.override({
    async put() {
      throw new Error('disk full')
    },
  })
  const { code, cause, message } = await errorCodeOf(
    createTwinkey({ store: spy.store }).keys.create({
      name: 'a',
      scope: { tenants: ['t'], workflows: '*' },
    }),
  )
  expect(message).toBe(
    'The store failed during the write, so the change may or may not have been made. Read the key when the store is back. The store failed: disk full',
  )
  expect([code, isTwinkeyError(cause) && cause.cause]).toEqual([
    'outcome_unknown',
    new Error('disk full'),
  ])
})

test('the event of a refusal names the axis, and distinguishes a parameter that the guard cannot see from an unreadable value', async () => {
  const events: TwinkeyEvent[] = []
  const twinkey = createTwinkey({ onEvent: (event) => events.push(event) })
  const { primary } = await twinkey.keys.create({
    name: 'a',
    scope: { tenants: ['t'], workflows: ['x'] },
  })
  const request = new Request('http://localhost/', {
    headers: { authorization: `Bearer ${primary}` },
  })
  await twinkey.authenticate(request)
  await twinkey.authenticate(request, { tenant: from.param('tenant'), workflow: 'x' })
  await twinkey.authenticate(request, { tenant: () => 'a\u0000', workflow: 'x' })
  expect(events.filter(({ type }) => type === 'access.refused')).toMatchObject([
    { code: 'target_missing', reason: 'not_named', axis: 'workflow' },
    { code: 'request_malformed', reason: 'parameter_unseen', parameter: 'tenant', workflow: 'x' },
    { code: 'request_malformed', reason: 'not_readable' },
  ])
})

describe('the event of a refusal describes the target', () => {
  const known = 'e7b1c2d3-aaaa-4bbb-8ccc-0123456789ab'

  async function scene() {
    const events: TwinkeyEvent[] = []
    const importedSecrets = [{ algorithm: 'sha-256', minLength: 16, maxLength: 64 }] as const
    const twinkey = createTwinkey({
      environments: ['prod', 'test'],
      importedSecrets,
      onEvent: (event) => events.push(event),
    })
    const { primary, secondary } = await twinkey.keys.create({
      name: 'a',
      scope: { tenants: ['t'], environments: ['prod'], workflows: ['x'] },
    })
    await twinkey.keys.import({
      name: 'b',
      scope: { tenants: ['t'], workflows: '*' },
      primary: { secret: known, entropyBits: 122 },
    })
    const refused = async (
      target: Omit<Sent, 'credential'>,
      requirement: Requirement = byHeaders,
      credential = primary,
    ) => {
      expect(
        codeOf(await twinkey.authenticate(sent({ credential, ...target }), requirement)),
      ).not.toBe('let in')
      const {
        at: _at,
        type: _type,
        keyId: _keyId,
        axis: _axis,
        code: _code,
        ...told
      } = events.at(-1) as RefusedEvent
      return told
    }
    return { twinkey, events, primary, secondary: secondary as string, refused }
  }

  test('by the names that were read, and by defaults', async () => {
    const { refused } = await scene()
    const right = { tenant: 't', environment: 'prod', workflow: 'x' }
    expect(await refused({ ...right, tenant: 'v' })).toEqual({
      reason: 'not_covered',
      ...right,
      tenant: 'v',
    })
    expect(
      await refused(
        { ...right, tenant: 'müller & co/eu' },
        { ...byHeaders, tenant: () => 'müller & co/eu' },
      ),
    ).toEqual({
      reason: 'not_covered',
      ...right,
      tenant: 'müller & co/eu',
    })
    expect(await refused({ environment: 'prod', workflow: 'y' })).toEqual({
      reason: 'not_covered',
      ...right,
      workflow: 'y',
    })
    expect(await refused({ tenant: 'v', workflow: 'x' })).toEqual({
      reason: 'not_named',
      tenant: 'v',
      workflow: 'x',
    })
    expect(await refused({ ...right, environment: 'qa' })).toEqual({
      reason: 'not_served',
      ...right,
      environment: 'qa',
    })
    expect(await refused({ ...right, tenant: '*' })).toEqual({
      reason: 'not_readable',
      environment: 'prod',
      workflow: 'x',
    })
    expect(await refused({ ...right, tenant: 'v'.repeat(129) })).toEqual({
      reason: 'not_readable',
      environment: 'prod',
      workflow: 'x',
    })
    const profile = { ...standard(), target: { tenant: () => 'u' } }
    expect(await refused({ ...right, tenant: 'v' }, { ...byHeaders, profile })).toEqual({
      reason: 'sources_disagree',
      ...right,
      tenant: 'v',
    })
    expect(
      await refused({ ...right, tenant: undefined }, { ...byHeaders, profile, environment: 'qa' }),
    ).toMatchObject({ tenant: 'u' })
  })

  test('but not if the credential is invalid', async () => {
    const { refused } = await scene()
    expect(
      await refused({ tenant: 't', environment: 'prod', workflow: 'x' }, byHeaders, 'tk_no'),
    ).toEqual({ reason: 'secret_malformed' })
  })

  test('but never by a value that may be a secret', async () => {
    const { refused, primary, secondary } = await scene()
    for (const secret of [primary, secondary]) {
      for (const tenant of [
        secret,
        `Bearer ${secret}`,
        secret.slice(0, -12),
        secret.slice(20),
        secret.slice(3, 31),
        `x/${secret}`,
        known,
      ])
        expect(await refused({ tenant, environment: 'prod', workflow: tenant })).toEqual({
          reason: 'not_covered',
          environment: 'prod',
        })
    }
    // Never used as a credential so far, so it may be an imported secret.
    expect(
      await refused({ tenant: 'of sixteen chars', environment: 'prod', workflow: 'x' }),
    ).not.toHaveProperty('tenant')
    // An imported secret may contain a slash.
    expect(
      await refused({ tenant: 'short one/of two', environment: 'prod', workflow: 'x' }),
    ).not.toHaveProperty('tenant')
    // A value that begins like a token is a name, as no token stands where a name belongs.
    expect(await refused({ tenant: 'eyJ.x', environment: 'prod', workflow: 'x' })).toHaveProperty(
      'tenant',
      'eyJ.x',
    )
    // Part of the id of a key, which is not secret.
    expect(
      await refused({ tenant: primary.slice(3, 15), environment: 'prod', workflow: 'x' }),
    ).toHaveProperty('tenant')
  })

  test('and by the route template if the guard cannot see a parameter, without the values in the path', async () => {
    const { refused, twinkey, events, primary } = await scene()
    const ask = async (template: string) => {
      await twinkey.authenticate(
        { ...sent({ credential: primary }), template },
        { tenant: from.param('tenant') },
      )
      return (events.at(-1) as RefusedEvent).template
    }
    expect(await ask('/t/:tenantId/flows')).toBe('/t/:tenantId/flows')
    expect(await ask(`/t/${primary}/flows`)).toBe(undefined)
    expect(await ask(`/t/${known}/flows`)).toBe(undefined)
    expect(await refused({}, { environment: 'prod', workflow: from.routeTemplate() })).toEqual({
      reason: 'parameter_unseen',
      environment: 'prod',
    })
    expect(await refused({}, { tenant: from.param('tenant') })).toEqual({
      reason: 'parameter_unseen',
      parameter: 'tenant',
    })
  })
})

test('the event of a refusal has a reason if the guard refused an input, and none if a limiter or the application refused', async () => {
  const events: TwinkeyEvent[] = []
  const twinkey = createTwinkey({ onEvent: (event) => events.push(event) })
  const { primary } = await twinkey.keys.create({
    name: 'a',
    scope: { tenants: ['t'], workflows: '*' },
  })
  const reasonOf = async (call: Promise<{ readonly ok: boolean }>) => {
    expect((await call).ok).toBe(false)
    const { code, reason } = events
      .filter(({ type }) => type === 'access.refused')
      .at(-1) as RefusedEvent
    return `${code} ${reason}`
  }
  const ask = (requirement: Requirement) =>
    reasonOf(twinkey.authenticate(sent({ credential: primary, tenant: 't, t' }), requirement))
  expect(await ask({ tenant: () => rateLimited(3) })).toBe('rate_limited undefined')
  expect(await ask({ profile: { ...standard(), target: { tenant: () => rateLimited(3) } } })).toBe(
    'rate_limited undefined',
  )
  expect(await ask(byHeaders)).toBe('target_conflict not_readable')

  const issue = (profile: Profile, body: WireBody) =>
    reasonOf(twinkey.tokens.issue(primary, (holder) => profile.tokenRequest(body, holder)))
  expect(await issue(standard(), { scope: 7 })).toBe('request_malformed not_readable')
  expect(await issue(flare({ account: () => undefined }), {})).toBe('credential_invalid undefined')
  expect(await issue(flare({ account: () => Promise.reject(new Error('down')) }), {})).toBe(
    'unavailable owner_unavailable',
  )
})

test('a secret in quotes is not malformed in X-API-Key, since another system may issue such secrets', async () => {
  const events: TwinkeyEvent[] = []
  const importedSecrets = [{ algorithm: 'sha-256', minLength: 20, maxLength: 30 }] as const
  const twinkey = createTwinkey({ importedSecrets, onEvent: (event) => events.push(event) })
  const { primary } = await twinkey.keys.create({
    name: 'a',
    scope: { tenants: ['t'], workflows: '*' },
  })
  const quoted = '"0123456789abcdefghij"'
  await twinkey.keys.import({
    name: 'b',
    scope: { tenants: ['t'], workflows: '*' },
    primary: { secret: quoted, entropyBits: 112 },
  })
  const ask = async (headers: Record<string, string>) =>
    codeOf(await twinkey.authenticate(new Request('http://localhost/', { headers })))
  expect(await ask({ 'x-api-key': quoted })).toBe('let in')
  expect(await ask({ 'x-api-key': `"${primary}"` })).toBe('credential_invalid')
  expect(events.at(-1)).toMatchObject({ reason: 'prefix_unknown' })
  expect(await ask({ authorization: `Bearer "${primary}"` })).toBe('credential_malformed')
})
