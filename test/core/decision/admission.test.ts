import { from } from 'twinkey'
import { describe, expect, it } from 'vitest'
import { CheckedRequirement } from '../../../src/guard/requirement.ts'
import { createBench } from '../../support/bench.ts'
import { decidedNow } from '../../support/sent.ts'

// A positive decision is cached and reused until something that it was based on changes. Each test
// changes one such thing.

const INPUT = {
  name: 'n',
  owner: 'ada',
  scope: { tenants: ['t1', 't2'], workflows: ['read', 'write'] },
} as const
const sent = (
  secret: string,
  more: Record<string, string> = {},
  how: 'bearer' | 'apiKey' = 'bearer',
) =>
  new Request('https://api.example/', {
    headers: {
      ...(how === 'bearer' ? { authorization: `Bearer ${secret}` } : { 'x-api-key': secret }),
      ...more,
    },
  })
const code = (decision: { ok: boolean; refusal?: { code: string } } | undefined) =>
  decision === undefined ? 'asks' : decision.ok ? 'let in' : decision.refusal?.code

describe('a cached decision', () => {
  const read = new CheckedRequirement({ tenant: 't1', workflow: 'read' })

  it('is the same frozen value for the same credential at the same route', async () => {
    const { twinkey } = createBench()
    const { primary, secondary } = await twinkey.keys.create(INPUT)
    const first = await twinkey.authenticate(sent(primary), read)
    expect(await twinkey.authenticate(sent(primary), read)).toBe(first)
    expect(decidedNow(twinkey, sent(primary), read)).toBe(first)
    expect(Object.isFrozen(first)).toBe(true)
    const other = await twinkey.authenticate(sent(secondary as string), read)
    expect([first, other].map((each) => each.ok && each.principal?.slot)).toEqual([
      'primary',
      'secondary',
    ])
  })

  it('is not reused at another route', async () => {
    const { twinkey } = createBench()
    const { primary } = await twinkey.keys.create(INPUT)
    const routes = [
      read,
      new CheckedRequirement({ tenant: 't2', workflow: 'read' }),
      new CheckedRequirement({ tenant: 't3', workflow: 'read' }),
      new CheckedRequirement({ tenant: 't1', workflow: 'delete' }),
      new CheckedRequirement({ tenant: 't1', workflow: 'read', accept: ['token'] }),
      new CheckedRequirement({ anyTarget: true }),
    ]
    for (let round = 0; round < 3; round++) {
      const decisions = await Promise.all(
        routes.map((route) => twinkey.authenticate(sent(primary), route)),
      )
      expect(decisions.map(code)).toEqual([
        'let in',
        'let in',
        'tenant_denied',
        'workflow_denied',
        'credential_invalid',
        'let in',
      ])
      expect(decisions.map((each) => each.ok && each.principal?.tenant)).toEqual([
        't1',
        't2',
        false,
        false,
        false,
        undefined,
      ])
    }
  })

  it('is not reused for another target that the route reads from the request', async () => {
    const { twinkey } = createBench()
    const { primary } = await twinkey.keys.create(INPUT)
    const byHeader = new CheckedRequirement({ tenant: from.header('x-tenant'), workflow: 'read' })
    for (const tenant of ['t1', 't2', 't3', 't1']) {
      const decision = await twinkey.authenticate(sent(primary, { 'x-tenant': tenant }), byHeader)
      expect(decision.ok ? decision.principal?.tenant : decision.refusal.code).toBe(
        tenant === 't3' ? 'tenant_denied' : tenant,
      )
    }
    const byParameter = new CheckedRequirement({ tenant: from.param('tenant'), workflow: 'read' })
    expect(code(await twinkey.authenticate(sent(primary), byParameter))).toBe('request_malformed')
  })

  it('is not reused if any of several target names differs', async () => {
    const { twinkey } = createBench()
    const { primary } = await twinkey.keys.create(INPUT)
    const route = new CheckedRequirement({
      tenant: from.header('x-tenant'),
      workflow: from.header('x-workflow'),
    })
    const ask = (tenant: string, workflow: string) =>
      twinkey.authenticate(sent(primary, { 'x-tenant': tenant, 'x-workflow': workflow }), route)
    const first = await ask('t1', 'read')
    for (const [tenant, workflow, verdict] of [
      ['t1', 'read', 'let in'],
      ['t1', 'delete', 'workflow_denied'],
      ['t3', 'read', 'tenant_denied'],
      ['t1', 'read', 'let in'],
      ['t1', 'write', 'let in'],
      ['t2', 'write', 'let in'],
    ] as const) {
      const decision = await ask(tenant, workflow)
      expect(code(decision)).toBe(verdict)
      if (decision.ok)
        expect([decision.principal?.tenant, decision.principal?.workflow]).toEqual([
          tenant,
          workflow,
        ])
    }
    expect(await ask('t1', 'read')).toEqual(first)
    expect(await ask('t1', 'read')).toBe(await ask('t1', 'read'))
  })

  it('is not used for a reader that returns a list, alone or beside another reader', async () => {
    const { twinkey } = createBench()
    const { primary } = await twinkey.keys.create(INPUT)
    for (const names of [['t1'], ['t1', 't2'], []]) {
      // As a framework parses a repeated parameter.
      const list = () => names as unknown as string
      for (const route of [
        new CheckedRequirement({ tenant: list, workflow: 'read' }),
        new CheckedRequirement({ tenant: list, workflow: () => 'read' }),
      ]) {
        for (let round = 0; round < 2; round++)
          expect(code(await twinkey.authenticate(sent(primary), route))).toBe('request_malformed')
      }
    }
  })

  it('sets noStore for each request, according to where its credential stands', async () => {
    const { twinkey } = createBench()
    const { primary } = await twinkey.keys.create(INPUT)
    for (const how of ['bearer', 'apiKey', 'bearer', 'apiKey'] as const) {
      const decision = await twinkey.authenticate(sent(primary, {}, how), read)
      expect(decision.ok && decision.noStore).toBe(how === 'apiKey')
    }
  })

  it('ends when the owner scope changes', async () => {
    let reach: readonly string[] | undefined = ['t1', 't2']
    const { twinkey } = createBench({
      ownerScope: () =>
        reach === undefined ? undefined : { tenants: reach, environments: '*', workflows: '*' },
    })
    const { primary } = await twinkey.keys.create(INPUT)
    const judged = async () => code(await twinkey.authenticate(sent(primary), read))
    expect([await judged(), await judged()]).toEqual(['let in', 'let in'])
    reach = ['t2']
    await twinkey.invalidateOwner('ada')
    expect([await judged(), await judged()]).toEqual(['tenant_denied', 'tenant_denied'])
    reach = ['t1']
    await twinkey.invalidateOwner('ada')
    expect([await judged(), await judged()]).toEqual(['let in', 'let in'])
    reach = undefined
    await twinkey.invalidateOwner('ada')
    expect(await judged()).toBe('tenant_denied')
  })

  it('ends with the key, the secret, the token and every change of the key', async () => {
    const { twinkey, clock } = createBench({ cache: { maxAgeSeconds: 3600 } })
    const { key, primary } = await twinkey.keys.create({
      ...INPUT,
      expiresAt: clock.now() + 600_000,
    })
    const issued = await twinkey.tokens.issue(primary, { lifetimeSeconds: 60 })
    const token = issued.ok ? issued.token : ''
    const judged = async (text: string) => code(await twinkey.authenticate(sent(text), read))
    for (const text of [primary, token, primary, token]) expect(await judged(text)).toBe('let in')
    await twinkey.keys.update(key.id, { scope: { ...key.scope, workflows: ['write'] } })
    expect([await judged(primary), await judged(token)]).toEqual([
      'workflow_denied',
      'workflow_denied',
    ])
    await twinkey.keys.update(key.id, { scope: key.scope })
    await twinkey.keys.disable(key.id)
    expect([await judged(primary), await judged(token)]).toEqual([
      'credential_invalid',
      'credential_invalid',
    ])
    await twinkey.keys.enable(key.id)
    expect([await judged(primary), await judged(token)]).toEqual(['let in', 'let in'])
    clock.advance(60_000)
    expect([await judged(primary), await judged(token)]).toEqual(['let in', 'credential_invalid'])
    clock.advance(539_999)
    expect(await judged(primary)).toBe('let in')
    clock.advance(1)
    expect(await judged(primary)).toBe('credential_invalid')
  })

  it('of a token is not the one of the secret that it was issued for', async () => {
    const { twinkey } = createBench()
    const { primary } = await twinkey.keys.create(INPUT)
    const issued = await twinkey.tokens.issue(primary, { scope: { workflows: ['write'] } })
    const token = issued.ok ? issued.token : ''
    for (let round = 0; round < 3; round++) {
      expect([
        code(await twinkey.authenticate(sent(primary), read)),
        code(await twinkey.authenticate(sent(token), read)),
      ]).toEqual(['let in', 'workflow_denied'])
    }
  })

  it('records the use of its secret once a minute', async () => {
    const { twinkey, clock, spy } = createBench({ cache: { maxAgeSeconds: 3600 } })
    const { primary } = await twinkey.keys.create(INPUT)
    for (let second = 0; second <= 180; second += 10) {
      await twinkey.authenticate(sent(primary), read)
      await twinkey.flush()
      clock.advance(10_000)
    }
    expect(spy.calls.recordUse).toBe(4)
  })
})
