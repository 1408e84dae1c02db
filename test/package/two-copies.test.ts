import { runInNewContext } from 'node:vm'
import type { Principal, TwinkeyEvent } from 'twinkey'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seen as seenInTable } from '../http/expect.ts'
import { createFixture, type Fixture } from '../http/fixture.ts'
import { type Host, hosts } from '../http/hosts.ts'
import { standardRoutes } from '../http/routes.ts'
import { standardTable } from '../http/standard-table.ts'
import { type Copy, loadCopies } from '../support/copies.ts'
import { sendRaw } from '../support/raw-http.ts'

const { copies, remove } = await loadCopies()
const [first, second] = copies
afterAll(remove)

/** The copy that provides each part. */
interface Parts {
  readonly core: Copy
  readonly guard: Copy
  readonly readers: Copy
  readonly profiles: Copy
  readonly store: Copy
}

const PARTS = ['core', 'guard', 'readers', 'profiles', 'store'] as const
const ALL_FIRST: Parts = {
  core: first,
  guard: first,
  readers: first,
  profiles: first,
  store: first,
}
const crossings = Array.from({ length: 2 ** PARTS.length - 1 }, (_, index): [string, Parts] => {
  const ofSecond = PARTS.filter((_part, place) => ((index + 1) >> place) & 1)
  return [
    ofSecond.join(', '),
    { ...ALL_FIRST, ...Object.fromEntries(ofSecond.map((part) => [part, second])) },
  ]
})

const ORIGIN = 'https://api.test'
const NOW = Date.UTC(2026, 0, 1)
const signingKeys = [await first.main.generateSigningKey()]

it('two copies of the built package share nothing', () => {
  for (const [name, value] of Object.entries(first.main)) {
    expect(typeof value).toBe(name === 'from' ? 'object' : 'function')
    expect(value).not.toBe(second.main[name as keyof typeof second.main])
  }
  expect(new first.main.TwinkeyError('invalid_input', 'x')).not.toBeInstanceOf(
    second.main.TwinkeyError,
  )
})

/** An API whose parts come from the given copies, and the events that it emits. */
async function createScene({ core, guard, readers, profiles, store }: Parts) {
  const events: TwinkeyEvent[] = []
  const twinkey = core.main.createTwinkey({
    store: store.main.memoryStore(),
    environments: ['production'],
    tokens: { issuer: ORIGIN, audience: ORIGIN, signingKeys },
    ownerScope: (owner) =>
      owner === 'gone' ? undefined : { tenants: '*', environments: '*', workflows: '*' },
    onEvent: (event) => events.push(event),
    now: () => NOW,
  })
  const scope = { tenants: ['t1', 't2'], workflows: ['read'] }
  const one = await twinkey.keys.create({ name: 'one', owner: 'ada', scope })
  const gone = await twinkey.keys.create({ name: 'gone', owner: 'gone', scope })
  const tenant = readers.main.from.header('x-tenant')
  const seen = (_request: Request, principal: Principal | undefined) =>
    Response.json(principal === undefined ? null : { ...principal, keyId: undefined })
  const over = (requirement: Parameters<typeof guard.web.requireAuth>[1], handler = seen) =>
    guard.web.requireAuth(twinkey, requirement, handler as never) as (
      request: Request,
    ) => Promise<Response>
  const account = (principal: Principal) => {
    if (principal.name === 'gone') throw new Error('down')
    return { userId: 1, userEmail: 'a@b.c', organizationId: 2, tenantId: 3 }
  }
  const flare = profiles.profiles.flare({ account })
  const flowgear = profiles.profiles.flowgear()
  const inner = readers.web.requireAuth(
    twinkey,
    { profile: flowgear, tenant, workflow: 'read' },
    seen,
  )
  const handlers = {
    plain: over({ tenant, workflow: 'read' }),
    optional: over({ tenant, workflow: 'read', optional: true }),
    limited: over({ tenant: () => readers.main.rateLimited(7), workflow: 'read' }),
    unseen: over({ tenant: readers.main.from.param('tenant'), workflow: 'read' }),
    template: over({ tenant, workflow: readers.main.from.routeTemplate() }),
    query: over({ tenant: readers.main.from.query('tenant'), workflow: 'read' }),
    standard: over({ tenant, workflow: 'read', profile: profiles.profiles.standard() }),
    boomi: over({ workflow: 'read', profile: profiles.profiles.boomiFlow() }),
    flare: over({ tenant, workflow: 'read', profile: flare }),
    flowgear: over({ tenant, workflow: 'read', profile: flowgear }),
    // The outer guard removes the credential from the URL, and the inner guard must still find it.
    twice: over({ tenant, workflow: 'read', profile: flowgear }, inner as never),
    'tokens of standard': guard.web.mount(
      readers.main.tokenEndpoints(twinkey, { profile: profiles.profiles.standard() }),
    ),
    'tokens of flare': guard.web.mount(readers.main.tokenEndpoints(twinkey, { profile: flare })),
  }
  return {
    twinkey,
    events,
    handlers,
    secrets: { one: one.primary, gone: gone.primary },
    readers,
    guard,
  }
}

type Scene = Awaited<ReturnType<typeof createScene>>

/** All answers and events of a scene, without the parts that differ in each run. */
async function answersOf({
  handlers,
  secrets,
  events,
  twinkey,
  readers,
}: Scene): Promise<unknown[]> {
  const issued = await twinkey.tokens.issue(secrets.one)
  const token = issued.ok ? issued.token : ''
  const answers: unknown[] = []
  const ask = async (name: string, path: string, headers: [string, string][], body?: string) => {
    const handle = (handlers as Record<string, (request: Request) => Promise<Response>>)[name]
    const init = body === undefined ? { headers } : { method: 'POST', body, headers }
    // Twice: the first answer may come from the store, and the second from the cache.
    for (const _ of ['cold', 'warm']) {
      const response = await handle?.(new Request(`${ORIGIN}${path}`, init)).catch(
        (error: unknown) => error,
      )
      const shown =
        response instanceof Response
          ? [response.status, [...response.headers].sort(), withoutRandom(await response.text())]
          : `threw ${String(response)}`
      answers.push([name, path.replace(/=.*/, ''), shown])
    }
  }
  const bearer = (text: string): [string, string] => ['authorization', `Bearer ${text}`]
  const t1: [string, string] = ['x-tenant', 't1']
  for (const name of [
    'plain',
    'optional',
    'limited',
    'unseen',
    'template',
    'standard',
    'boomi',
    'flare',
    'flowgear',
    'twice',
  ]) {
    for (const headers of [
      [],
      [t1],
      [bearer(secrets.one), t1],
      [bearer(token), t1],
      [bearer(secrets.one)],
      [bearer(secrets.one), ['x-tenant', 't3']],
      [bearer(secrets.one), ['x-tenant', 't1, t2']],
      [bearer(secrets.gone), t1],
      [bearer('tk_wrong'), t1],
      [
        ['x-boomi-flow-api-key', secrets.one],
        ['manywhotenant', 't2'],
      ],
      [bearer(secrets.one), ['x-api-key', secrets.one], t1],
    ] as [string, string][][])
      await ask(name, '/', headers)
  }
  for (const name of ['flowgear', 'twice']) {
    await ask(name, `/?auth-key=${secrets.one}`, [t1])
    await ask(name, `/?auth-key=${secrets.one}&auth-key=${secrets.one}`, [t1])
  }
  for (const path of ['/?tenant=t1', '/?tenant=t1&tenant=t2', '/?tenant=%ff'])
    await ask('query', path, [bearer(secrets.one)])
  for (const [profile, exchange] of [
    ['standard', '/'],
    ['flare', '/generate'],
  ] as const) {
    const tokens = `tokens of ${profile}`
    const bodies = [
      '',
      '{',
      '[]',
      '{"scope":7}',
      '{"expires_in":0}',
      '{"scope":"tenant:t1"}',
      '{"tenant_id":3}',
      '{"tenant_id":"x"}',
    ]
    for (const body of bodies) await ask(tokens, exchange, [bearer(secrets.one)], body)
    await ask(tokens, exchange, [bearer(secrets.gone)], '{}')
    await ask(tokens, exchange, [bearer(secrets.one)])
    await ask(tokens, exchange, [])
    for (const credential of [token, secrets.one, secrets.gone])
      await ask(tokens, '/test', [bearer(credential)])
    await ask(tokens, '/jwks.json', [])
  }
  const wire = new readers.http.WebWireRequest(
    new Request(ORIGIN, { headers: [bearer(secrets.one), t1] }),
  )
  answers.push(
    await twinkey
      .authenticate(wire, { tenant: readers.main.from.header('x-tenant'), workflow: 'read' })
      .then(({ ok }) => ok),
  )
  for (const { at: _at, ...event } of events) answers.push(withoutRandom(JSON.stringify(event)))
  return answers
}

// Ids and tokens differ in each run.
function withoutRandom(text: string): string {
  return text
    .replace(/eyJ[\w-]+\.[\w-]+\.[\w-]+/g, '<token>')
    .replace(/"(id|keyId|tokenId|key_id|api_key_id)":"[^"]+"/g, '"$1":"<id>"')
    .replace(/"version":\d+/g, '"version":0')
}

const expected = await answersOf(await createScene(ALL_FIRST))

describe('parts of two copies of the package behave like those of one copy', () => {
  it('whose answers cover every status', () => {
    const statuses = expected.flatMap((answer) =>
      Array.isArray(answer) && Array.isArray(answer[2]) ? [answer[2][0]] : [],
    )
    expect(new Set(statuses)).toEqual(new Set([200, 400, 401, 403, 404, 405, 429, 503]))
    expect(JSON.stringify(expected)).not.toContain('threw')
    for (const sentence of [
      'The body must be',
      'scope must be names',
      'expires_in must be',
      'parameter_unseen',
      'owner_unavailable',
    ])
      expect(JSON.stringify(expected)).toContain(sentence)
  })

  it.each(crossings)('if the second copy provides: %s', async (_name, parts) => {
    expect(await answersOf(await createScene(parts))).toEqual(expected)
  })
})

describe.each([
  ['the first', 'the second', first, second],
  ['the second', 'the first', second, first],
])('%s copy makes objects that %s recognises:', (_one, _other, mine, yours) => {
  it('errors, by their code', async () => {
    const twinkey = mine.main.createTwinkey()
    const error = await twinkey.keys.revoke('nosuchkey0000000').catch((thrown: unknown) => thrown)
    expect([yours.main.isTwinkeyError(error), (error as { code: string }).code]).toEqual([
      true,
      'key_not_found',
    ])
  })

  it('a memory store, over which an ephemeral key signs tokens', async () => {
    const events: string[] = []
    const twinkey = yours.main.createTwinkey({
      store: mine.main.memoryStore(),
      onEvent: ({ type }) => events.push(type),
    })
    const { primary } = await twinkey.keys.create({
      name: 'n',
      scope: { tenants: ['t'], workflows: '*' },
    })
    expect([(await twinkey.tokens.issue(primary)).ok, events]).toEqual([
      true,
      ['key.created', 'warning.ephemeral_signing_key', 'token.issued'],
    ])
  })

  it('a reader that was not called, which every guard refuses', () => {
    const twinkey = mine.main.createTwinkey()
    for (const reader of [
      yours.main.from.header,
      yours.main.from.param,
      yours.main.from.query,
      yours.main.from.routeTemplate,
    ]) {
      const guards = [mine.express, mine.fastify, mine.hono].map(
        ({ requireAuth }) =>
          () =>
            requireAuth(twinkey, { tenant: reader as never }),
      )
      for (const make of guards) expect(make).toThrow(/or a reader that was called/)
    }
  })

  it('the error of an owner lookup, which is a refusal as unavailable and not a bug', async () => {
    const twinkey = mine.main.createTwinkey()
    const failing = () => Promise.reject(new yours.main.TwinkeyError('owner_unavailable', 'down'))
    expect(await twinkey.ask(failing)).toMatchObject({ code: 'unavailable' })
  })

  it('a verifier behind a guard', async () => {
    const { twinkey, secrets } = await createScene({ ...ALL_FIRST, core: mine })
    const issued = await twinkey.tokens.issue(secrets.one)
    const token = issued.ok ? issued.token : ''
    const verifier = mine.verifier.createVerifier({
      jwks: () => twinkey.tokens.jwks(),
      issuer: ORIGIN,
      audience: ORIGIN,
      environments: ['production'],
      now: () => NOW,
    })
    const requirement = { tenant: yours.main.from.header('x-tenant'), workflow: 'read' }
    const handle = yours.web.requireAuth(verifier, requirement, (_request, { tenant }) =>
      Response.json(tenant),
    )
    const statusOf = async (credential: string, tenant: string) =>
      (
        await handle(
          new Request(ORIGIN, {
            headers: { authorization: `Bearer ${credential}`, 'x-tenant': tenant },
          }),
        )
      ).status
    expect([
      await statusOf(token, 't1'),
      await statusOf(token, 't3'),
      await statusOf(secrets.one, 't1'),
    ]).toEqual([200, 403, 401])
    expect(() =>
      yours.web.requireAuth(verifier, { accept: ['secret'] }, () => new Response()),
    ).toThrow(/a verifier takes tokens only/)
  })
})

// The guards are from src, and their Twinkey is from a copy of the built package.
describe.each(Object.entries(hosts))('the Twinkey of another copy on %s', (_name, start) => {
  let fixture: Fixture
  let host: Host

  beforeAll(async () => {
    fixture = await createFixture(first.main.createTwinkey)
    host = await start(fixture.twinkey, { routes: standardRoutes, tokens: {} })
  })
  afterAll(async () => {
    await host.close()
    await fixture.twinkey.close()
  })

  it('gives the answers of the whole table of the standard profile', async () => {
    for (const { name, request, expected: answer, at = 0 } of standardTable) {
      fixture.clock.advance(at)
      try {
        for (const when of ['cold', 'warm'])
          expect([
            name,
            when,
            seenInTable(await sendRaw(host.port, request(fixture)), answer),
          ]).toEqual([name, when, answer])
      } finally {
        fixture.clock.advance(-at)
      }
    }
  })

  it('is awaited even if its promises are of another realm', async () => {
    const ForeignPromise = runInNewContext('Promise') as PromiseConstructor
    const { twinkey, secrets } = fixture
    const foreign = {
      ...twinkey,
      decide: (...given: Parameters<typeof twinkey.decide>) =>
        ForeignPromise.resolve(twinkey.decide(...given)),
    } as typeof twinkey
    const other = await start(foreign, { routes: standardRoutes, tokens: {} })
    try {
      const statusOf = async (secret: string) =>
        (
          await sendRaw(other.port, {
            target: '/customers/1',
            headers: [['authorization', `Bearer ${secret}`]],
          })
        ).status
      expect([
        await statusOf(secrets.primary),
        await statusOf(secrets.disabled),
        await statusOf('acme_wrong'),
      ]).toEqual([200, 401, 401])
    } finally {
      await other.close()
    }
  })
})
