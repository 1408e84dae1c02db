import { randomBytes } from 'node:crypto'
import { createTwinkey, generateSigningKey, memoryStore } from 'twinkey'
import type { KeyStore, StoredKey } from 'twinkey/store'
import { createClock } from '../support/clock.ts'
import { anyTarget, byHeaders, decidedNow, sent } from '../support/sent.ts'
import { shown } from '../support/shown.ts'
import { spyStore } from '../support/spy-store.ts'
import { type Channels, createChannels } from './leak-channels.ts'
import { createNet, type Net } from './leak-net.ts'

/**
 * Where a secret or a token may appear: in these members of the answers to these calls, and nowhere
 * else.
 */
export const SHOWN = {
  create: ['primary', 'secondary'],
  rotate: ['primary'],
  renew: ['secondary'],
  issue: ['token'],
} as const

const INPUT = {
  name: 'n',
  owner: 'ada',
  scope: { tenants: ['t'], workflows: '*' },
  metadata: { a: [1] },
  actor: 'root',
} as const
const IMPORTED = [
  'Zk3mB0sT9xLw2yNf7hJcR5uAeDq8vGpT1iKoM4sX',
  'q83vZk3mB0sT9xLw2yNf7hJcR5uAeD8tVg1oPi4nE',
] as const

/**
 * Calls every management and verification method, correctly and wrongly, over a healthy store and
 * over stores broken in every way.
 */
export async function manage(): Promise<{ channels: Channels; net: Net }> {
  const channels = createChannels()
  const secrets: string[] = [...IMPORTED]
  const tokens: string[] = []
  const digests: string[] = []
  const clock = createClock()
  const spy = spyStore(rememberingStore(digests))
  const pepper = {
    current: 'p',
    keys: { p: new Uint8Array(randomBytes(32)), q: new Uint8Array(randomBytes(32)) },
  }
  const signingKeys = [await generateSigningKey(), await generateSigningKey('RS256')]
  const twinkey = createTwinkey({
    store: spy.store,
    pepper,
    tokens: { issuer: 'https://api.test', audience: 'https://api.test', signingKeys },
    importedSecrets: [{ algorithm: 'sha-256', minLength: 40, maxLength: 64 }],
    environments: ['production'],
    now: clock.now,
    onEvent: (event) => channels.say('events', shown(event)),
  })
  const { keys } = twinkey

  async function tell<T extends object | undefined>(
    call: () => T | Promise<T>,
    members: readonly (keyof T & string)[] = [],
  ): Promise<T | undefined> {
    try {
      const answer = await call()
      const rest: Record<string, unknown> = { ...(answer as object) }
      for (const member of members) {
        const secret = rest[member]
        if (typeof secret === 'string') (member === 'token' ? tokens : secrets).push(secret)
        delete rest[member]
      }
      channels.say('values', shown(members.length === 0 ? answer : rest))
      return answer
    } catch (error) {
      channels.say('errors', shown(error))
      return undefined
    }
  }

  const issue = async (secret: string) =>
    tell(
      async () =>
        ({ token: undefined, ...(await twinkey.tokens.issue(secret)) }) as {
          token: string | undefined
        },
      SHOWN.issue,
    )

  async function callAll(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      await tell(() => keys.rotate(id, { replace: 'secondary', actor: 'root' }), SHOWN.rotate)
      await tell(() => keys.renew(id, { slots: 'secondary' }), SHOWN.renew)
      for (const call of ['disable', 'enable', 'get'] as const)
        await tell(async () => Object(await keys[call](id)) as object)
      await tell(() => keys.update(id, { name: 'other' }))
    }
    await tell(() => keys.list())
    await tell(() => keys.list({ pepper: 'p' }))
    await tell(() => twinkey.tokens.jwks())
    for (const credential of [...secrets, ...tokens]) {
      await issue(credential)
      for (const requirement of [anyTarget, byHeaders]) {
        await tell(() => twinkey.authenticate(sent({ credential, tenant: 't' }), requirement))
        await tell(() => decidedNow(twinkey, sent({ credential, tenant: credential }), requirement))
      }
      await tell(() => keys.verify(credential))
      await tell(() => twinkey.tokens.verify(credential))
      // In the place of another argument: an error about it must not repeat it.
      for (const call of ['get', 'revoke', 'disable', 'delete'] as const)
        await tell(async () => Object(await keys[call](credential)) as object)
      await tell(() => keys.renew(ids[0] as string, { slots: credential as 'primary' }))
      await tell(() => keys.rotate(ids[0] as string, { replace: credential as 'secondary' }))
      await tell(() => keys.create({ ...INPUT, name: `${credential}\0` }), SHOWN.create)
      await tell(
        () => keys.create({ ...INPUT, scope: { tenants: credential as '*', workflows: '*' } }),
        SHOWN.create,
      )
      await tell(() => keys.list({ cursor: credential }))
      await tell(() =>
        keys.import({ ...INPUT, primary: { secret: `${credential} `, entropyBits: 128 } }),
      )
      await tell(() => keys.import({ ...INPUT, primary: { secret: credential, entropyBits: 1 } }))
      await tell(() => createTwinkey({ pepper: { current: credential, keys: {} } }))
      await tell(() => createTwinkey({ prefixes: [credential] }))
    }
  }

  await channels.listening(async () => {
    const made = [
      await tell(() => keys.create(INPUT), SHOWN.create),
      await tell(() => keys.create({ ...INPUT, secondary: false }), SHOWN.create),
    ]
    const [primary, secondary] = IMPORTED.map((secret) => ({ secret, entropyBits: 200 })) as [
      Import,
      Import,
    ]
    const imported = await tell(() => keys.import({ ...INPUT, primary, secondary }))
    const ids = [...made.map((each) => each?.key.id as string), imported?.id as string]
    channels.say('values', shown(twinkey))
    // Invalid options that contain secrets.
    const [signing] = signingKeys
    for (const wrong of [
      { ...signing, alg: 'HS256' },
      { ...signing, x: 'AA' },
      { ...signing, kty: 'oct' },
      JSON.stringify(signing),
    ])
      await tell(() =>
        createTwinkey({
          tokens: { issuer: 'i', audience: 'a', signingKeys: [wrong as (typeof signingKeys)[0]] },
        }).tokens.issue(secrets[0] as string),
      )
    await tell(() =>
      createTwinkey({ pepper: { current: 'p', keys: { p: pepper.keys.p.slice(1, 15) } } }),
    )
    await tell(() =>
      createTwinkey({
        pepper: {
          current: 'p',
          keys: { p: Buffer.from(pepper.keys.p).toString('hex') as unknown as Uint8Array },
        },
      }),
    )
    await callAll(ids)
    for (const broken of brokenStores(spy.inner)) {
      spy.override(broken)
      clock.advance(60_000)
      await callAll(ids)
      await tell(() => keys.revokeAll({ owner: 'ada' }))
      await tell(async () => Object(await keys.delete(ids[2] as string)) as object)
    }
    spy.override({})
    for (const id of ids) await tell(() => keys.revoke(id))
    for (const id of ids) await tell(async () => Object(await keys.delete(id)) as object)
    await twinkey.close()
  })
  return {
    channels,
    net: createNet({ secrets, tokens, digests, peppers: Object.values(pepper.keys), signingKeys }),
  }
}

interface Import {
  readonly secret: string
  readonly entropyBits: number
}

// Keeps every digest that was ever written.
function rememberingStore(digests: string[]): KeyStore {
  const inner = memoryStore()
  return {
    ...inner,
    async put(next, expected, entry) {
      if (next.kind === 'key')
        digests.push(next.primary.digest, ...(next.secondary ? [next.secondary.digest] : []))
      return inner.put(next, expected, entry)
    },
  }
}

// Stores that fail, that write and then fail, and that answer invalid records with digests in them.
function brokenStores(inner: KeyStore): Partial<KeyStore>[] {
  const down = async () => {
    throw new Error('connection refused')
  }
  const spoilt = (spoil: (record: StoredKey & { kind: 'key' }) => object): Partial<KeyStore> => ({
    async get(id) {
      const found = await inner.get(id)
      return found?.kind === 'key' ? ({ ...found, ...spoil(found) } as StoredKey) : found
    },
    async list(query) {
      const { keys } = await inner.list(query)
      return {
        keys: keys.map(
          (found) => ({ ...found, ...(found.kind === 'key' ? spoil(found) : {}) }) as typeof found,
        ),
      }
    },
  })
  return [
    { get: down, put: down, delete: down, list: down, recordUse: down },
    {
      put: async (next, expected, entry) =>
        (await inner.put(next, expected, entry)) === 'stored' ? down() : 'conflict',
    },
    { put: async (next) => next as unknown as 'stored', delete: async (id) => id as 'deleted' },
    { get: async (id) => JSON.stringify(await inner.get(id)) as unknown as StoredKey },
    spoilt(({ primary }) => ({ id: primary.digest })),
    spoilt(({ primary }) => ({ primary: { ...primary, digest: `${primary.digest}x` } })),
    spoilt(({ primary }) => ({ primary: { ...primary, hint: primary.digest } })),
    spoilt(({ primary }) => ({ [primary.digest]: 1, scope: { tenants: [primary.digest, 5] } })),
    spoilt(({ primary }) => ({
      primary: { ...primary, digest: primary.digest.replace(':p:', ':unknown:') },
    })),
  ]
}
