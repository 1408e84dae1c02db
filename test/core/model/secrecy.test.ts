import type { TwinkeyEvent } from 'twinkey'
import { createTwinkey, memoryStore } from 'twinkey'
import type { StoredKey } from 'twinkey/store'
import { describe, expect, it } from 'vitest'
import { AUDIENCE, ISSUER, signingKey } from '../../support/bench.ts'
import { createClock } from '../../support/clock.ts'
import { anyTarget, byHeaders, sent } from '../../support/sent.ts'
import { shown } from '../../support/shown.ts'
import { spyStore } from '../../support/spy-store.ts'

const INPUT = {
  name: 'n',
  owner: 'ada',
  scope: { tenants: ['t'], workflows: '*' },
  secondary: false,
} as const

async function caught(call: () => unknown): Promise<unknown> {
  try {
    return await call()
  } catch (error) {
    return error
  }
}

describe('a secret is shown only once,', () => {
  it('and not in records, events, errors, keys, principals, decisions or the Twinkey itself', async () => {
    const clock = createClock()
    const written: StoredKey[] = []
    const inner = memoryStore()
    const spy = spyStore({
      ...inner,
      put: async (next, expectedVersion, entry) => {
        written.push(next)
        return inner.put(next, expectedVersion, entry)
      },
    })
    const outputs: unknown[] = []
    const pepper = { current: 'p', keys: { p: new Uint8Array(32).fill(7) } }
    const tokens = { issuer: ISSUER, audience: AUDIENCE, signingKeys: [signingKey] }
    const twinkey = createTwinkey({
      store: spy.store,
      pepper,
      tokens,
      now: clock.now,
      onEvent: (event) => outputs.push(event),
    })

    const { key, primary } = await twinkey.keys.create(INPUT)
    const rotated = await twinkey.keys.rotate(key.id)
    const renewed = await twinkey.keys.renew(key.id, { slots: 'secondary' })
    const issued = await twinkey.tokens.issue(renewed.secondary)
    const token = issued.ok ? issued.token : ''
    const secrets = [primary, rotated.primary, renewed.secondary, token]
    outputs.push(
      key,
      rotated.key,
      renewed.key,
      twinkey,
      await twinkey.keys.get(key.id),
      await twinkey.keys.list(),
    )

    const use = async () => {
      for (const credential of secrets) {
        outputs.push(await caught(() => twinkey.authenticate(sent({ credential }), anyTarget)))
        outputs.push(
          await caught(() => twinkey.authenticate(sent({ credential, tenant: 'x' }), byHeaders)),
        )
        outputs.push(await caught(() => twinkey.keys.verify(credential)))
        outputs.push(await caught(() => twinkey.tokens.verify(credential)))
        // A secret in the wrong place: the message must not repeat it.
        outputs.push(await caught(() => twinkey.keys.get(credential)))
        outputs.push(await caught(() => twinkey.keys.revoke(credential)))
        outputs.push(
          await caught(() => twinkey.keys.rotate(key.id, { replace: credential as 'secondary' })),
        )
        outputs.push(
          await caught(() => twinkey.keys.renew(key.id, { slots: credential as 'primary' })),
        )
        outputs.push(
          await caught(() =>
            twinkey.tokens.issue(primary, { scope: { tenants: credential as '*' } }),
          ),
        )
        outputs.push(await caught(() => twinkey.keys.create({ ...INPUT, name: `${credential}\0` })))
      }
    }
    await use()
    const down = async () => {
      throw new Error('connection refused')
    }
    spy.override({ get: down, put: down, delete: down, list: down })
    clock.advance(60_000)
    await use()
    for (const call of [
      () => twinkey.keys.list(),
      () => twinkey.keys.delete(key.id),
      () => twinkey.keys.create(INPUT),
    ])
      outputs.push(await caught(call))

    const text = outputs.map(shown).join('\n')
    const digests = written.flatMap((record) =>
      record.kind === 'key'
        ? [record.primary.digest, record.secondary?.digest ?? record.primary.digest]
        : [],
    )
    expect(digests.length).toBeGreaterThan(4)
    for (const secret of secrets) {
      // The part that must stay secret: of a secret the characters after the id, of a token the
      // signature.
      const core = secret === token ? secret.slice(-80) : secret.slice(-49, -6)
      expect(core.length).toBeGreaterThan(40)
      expect(text).not.toContain(core)
      expect(shown(written)).not.toContain(core)
    }
    for (const digest of digests)
      expect(text).not.toContain(digest.slice(digest.lastIndexOf(':') + 1))
    expect(text).not.toContain(Buffer.from(pepper.keys.p).toString('hex').slice(0, 20))
    expect(text).not.toContain(signingKey.d as string)
  })

  it('as a plain string, by create, rotate and renew', async () => {
    const twinkey = createTwinkey()
    const created = await twinkey.keys.create({ ...INPUT, secondary: true })
    expect(Object.keys(created).sort()).toEqual(['key', 'primary', 'secondary'])
    const { primary: secret } = await twinkey.keys.renew(created.key.id, { slots: 'primary' })
    expect(shown(created)).toContain(created.primary)
    expect(typeof secret).toBe('string')
  })
})

describe('a returned key', () => {
  it('has exactly these members', async () => {
    const { keys } = createTwinkey()
    const { key } = await keys.create({ ...INPUT, secondary: true })
    expect(Object.keys(key).sort()).toEqual(
      [
        'createdAt',
        'disabledBy',
        'expiresAt',
        'id',
        'lastUsedAt',
        'limits',
        'metadata',
        'name',
        'networks',
        'owner',
        'primary',
        'revokedAt',
        'scope',
        'secondary',
        'state',
        'tokens',
        'updatedAt',
        'version',
      ].sort(),
    )
    expect(Object.keys(key.primary).sort()).toEqual([
      'createdAt',
      'expiresAt',
      'hint',
      'id',
      'lastUsedAt',
    ])
  })

  it('gives a principal with exactly these members, deeply frozen', async () => {
    const twinkey = createTwinkey()
    const { primary } = await twinkey.keys.create({ ...INPUT, metadata: { a: [{}] } })
    const decision = await twinkey.authenticate(
      sent({ credential: primary, tenant: 't' }),
      byHeaders,
    )
    const principal = decision.ok ? decision.principal : undefined
    expect(Object.keys(principal ?? {}).sort()).toEqual(
      [
        'environment',
        'expiresAt',
        'keyId',
        'metadata',
        'name',
        'owner',
        'scope',
        'slot',
        'tenant',
        'username',
        'via',
        'workflow',
      ].sort(),
    )
    expect(
      [
        principal,
        principal?.scope,
        principal?.scope.tenants,
        principal?.metadata,
        principal?.metadata['a'],
      ].every(Object.isFrozen),
    ).toBe(true)
  })
})

describe('the event of an admitted request', () => {
  it('omits a name that equals a secret, and keeps every other name', async () => {
    const events: TwinkeyEvent[] = []
    const importedSecrets = [{ algorithm: 'sha-256', minLength: 32, maxLength: 64 }] as const
    const twinkey = createTwinkey({ importedSecrets, onEvent: (event) => void events.push(event) })
    const imported = 'fw-7Tn1KyS4wQ6xGr8HjVbX0cMeYaDi5OfE'
    const scope = { tenants: '*', environments: '*', workflows: '*' } as const
    await twinkey.keys.import({
      name: 'imported',
      scope,
      primary: { secret: imported, entropyBits: 190 },
    })
    const { primary } = await twinkey.keys.create({ name: 'n', scope, secondary: false })
    for (const credential of [primary, imported]) {
      for (const name of [
        credential,
        'a-tenant',
        '0f8fad5b-d9cb-469f-a165-70867728950e',
        'ab'.repeat(32),
      ]) {
        for (const _ of ['cold', 'warm']) {
          const request = sent({ credential, tenant: name, environment: name, workflow: name })
          const decision = await twinkey.authenticate(request, byHeaders)
          expect(decision.ok && decision.principal.tenant).toBe(name)
          const told = name === credential ? undefined : name
          expect(events.at(-1)).toMatchObject({
            type: 'access.allowed',
            tenant: told,
            environment: told,
            workflow: told,
          })
        }
      }
    }
    expect(shown(events)).not.toContain(primary.slice(8, 40))
    expect(shown(events)).not.toContain(imported.slice(4))
  })
})
