import { createHash, createHmac, scryptSync } from 'node:crypto'
import type * as Twinkey from 'twinkey'
import { createTwinkey } from 'twinkey'
import { requireAuth } from 'twinkey/web'
import { afterAll, describe, expect, test } from 'vitest'
import { blocksOf, createGuideRunner } from './support/guide.ts'

const { load, remove } = createGuideRunner()
afterAll(remove)

/** What the blocks of docs/migrating.md export. */
interface Way<Row> {
  readonly foreign: Twinkey.TwinkeyOptions['foreign']
  keyOf(row: Row, tenant: string): Twinkey.ImportKeyInput
}

const blocks = blocksOf('migrating', 'ts')

async function wayWith<T>(text: string): Promise<T> {
  const found = blocks.filter((block) => block.includes(text))
  expect(found, `blocks of docs/migrating.md with ${text}`).toHaveLength(1)
  return load<T>(found[0] ?? '')
}

const sha256 = (secret: string) => createHash('sha256').update(secret)
// Not the secret, and of the same length: what must be refused.
const spoilt = (secret: string) => secret.slice(0, -1) + (secret.endsWith('A') ? 'B' : 'A')

async function expectToVerify(twinkey: Twinkey.Twinkey, secret: string, key: Twinkey.ApiKey): Promise<void> {
  expect(await twinkey.keys.verify(secret)).toMatchObject({ ok: true, slot: 'primary', key: { id: key.id } })
  expect(await twinkey.keys.verify(spoilt(secret))).toMatchObject({ ok: false, refusal: { code: 'credential_invalid' } })
}

describe('a table of your own', () => {
  const secret = 'c0ffee00'.repeat(8)

  test('with SHA-256 in hex is imported', async () => {
    const { foreign, keyOf } = await wayWith<Way<object>>("createHash('sha256')")
    const twinkey = createTwinkey({ foreign })
    const row = { digest: sha256(secret).digest('hex'), name: 'Billing', customer: 't1', lastFour: 'ee00' }
    await expectToVerify(twinkey, secret, await twinkey.keys.import(keyOf(row, '')))
  })

  test('with HMAC-SHA-256 is imported, under a pepper that is not current', async () => {
    type Peppered = Pick<Way<object>, 'keyOf'> & { start(legacy: Uint8Array, current: Uint8Array): Twinkey.Twinkey }
    const { start, keyOf } = await wayWith<Peppered>('createHmac(')
    const [legacy, current] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
    const twinkey = start(legacy, current)
    const digest = createHmac('sha256', legacy).update(secret).digest('hex')
    await expectToVerify(twinkey, secret, await twinkey.keys.import(keyOf({ digest, name: 'Billing', customer: 't1' }, '')))
  })

  test('with salted hashes is taken over key by key, when each is used', async () => {
    type TakeOver = (twinkey: Twinkey.Twinkey, secret: string, check: (secret: string) => Promise<object | undefined>) => Promise<void>
    const { takeOver } = await wayWith<{ takeOver: TakeOver }>('takeOver(')
    const twinkey = createTwinkey({ foreign: [{ algorithm: 'sha-256', minLength: 64, maxLength: 64 }] })
    const salt = Buffer.from('salt of the old row')
    const stored = scryptSync(secret, salt, 32)
    let checks = 0
    const check = async (text: string) => {
      checks++
      return scryptSync(text, salt, 32).equals(stored) ? { name: 'Billing', customer: 't1' } : undefined
    }
    await takeOver(twinkey, spoilt(secret), check)
    expect(await twinkey.keys.verify(spoilt(secret))).toMatchObject({ ok: false })

    await Promise.all([takeOver(twinkey, secret, check), takeOver(twinkey, secret, check)])
    expect(await twinkey.keys.verify(secret)).toMatchObject({ ok: true, key: { name: 'Billing' } })
    expect((await twinkey.keys.list()).keys).toHaveLength(1)

    const before = checks
    await takeOver(twinkey, secret, check)
    expect(checks).toBe(before)
  })
})

describe('better-auth', () => {
  // Made by defaultKeyHasher of @better-auth/api-key 1.7.5 from keys of its form, without a prefix and with one.
  test.each([
    ['sXVbaZqkHsTmTiKaQflqPhbawjrFZONjtUOoiJWWxuOhSRiGreMoEkOKSCfbrYFf', 'T5IyMo_KI2cBTe-gOAn31MoTMRMPtjgRsnalqYBvGt8'],
    ['acme_old_ItysIbbklKJmaOxqagnGBFTMPrnpqAQablbbBntDIoMRMNXBogLyEqIBtVfqWFGS', 'epO_E26qN2uesONBJ_-4QUSzbrNC1yPY6E78RoZf8MQ'],
  ])('the key %s is imported by its row', async (secret, digest) => {
    expect(sha256(secret).digest('base64url')).toBe(digest)
    const { foreign, keyOf } = await wayWith<Way<object>>('table `apikey`')
    const twinkey = createTwinkey({ foreign })
    const expiresAt = new Date('2099-01-01')
    const key = await twinkey.keys.import(keyOf({ key: digest, name: null, referenceId: 'user-1', enabled: true, expiresAt }, 't1'))
    expect(key).toMatchObject({ owner: 'user-1', expiresAt: expiresAt.getTime() })
    await expectToVerify(twinkey, secret, key)
  })
})

describe('Unkey', () => {
  // The first two pairs are from the tests of its own digest, internal/hash/src/sha256.test.ts. The others have the form of its keys.
  test.each([
    ['3ZFeSzZi4bAHLaADiPyJy7BN', 'Af0t8Qg3G7oLwGHlkgMYIeloGL2dNBfcLxOLp3IDROY='],
    ['3ZG2fq6wALyJywNrL8Ao21FV', '8HrP1yRXT/iMQSdAXuvx1eDvt8wYOAonBBBHLeW59eo='],
    ['prod_9sGmTz3jQxL1hRkVbYcN4e', undefined],
    [`sixteen_letters1_8characunkeyv1${'k'.repeat(36)}chksum`, undefined],
  ])('the key %s is imported by its row', async (secret, published) => {
    const hash = sha256(secret).digest('base64')
    if (published !== undefined) expect(hash).toBe(published)
    const { foreign, keyOf } = await wayWith<Way<object>>('table `keys`')
    const twinkey = createTwinkey({ foreign })
    const key = await twinkey.keys.import(keyOf({ hash, name: 'Reports', owner_id: null, expires: null }, 't1'))
    await expectToVerify(twinkey, secret, key)
  })
})

describe('prefixed-api-key', () => {
  // Made by generateAPIKey({ keyPrefix: 'mycompany' }) of prefixed-api-key 1.1.1.
  const token = 'mycompany_caPRUSeX_2WsbMvc23hHn16voegyVF4c4'
  const longTokenHash = '5c1fe1acbc7f8a2da4d8d5d22beea9c3b4265a030c054b075c9dbfd223af27f2'

  test('the whole token passes a guard with the profile, and no other token does', async () => {
    expect(sha256(token.split('_')[2] ?? '').digest('hex')).toBe(longTokenHash)
    type Prefixed = Way<object> & { withPrefixedKeys(prefix: string): Twinkey.Profile }
    const { foreign, keyOf, withPrefixedKeys } = await wayWith<Prefixed>('withPrefixedKeys(')
    // Also where the secrets of our own begin with the prefix of the old ones.
    const twinkey = createTwinkey({ foreign, prefixes: ['mycompany'] })
    await twinkey.keys.import(keyOf({ longTokenHash, name: 'Old', customer: 't1' }, ''))
    const { primary } = await twinkey.keys.create({ name: 'New', scope: { tenants: ['t1'] } })
    const profile = withPrefixedKeys('mycompany')
    const handler = requireAuth(twinkey, { profile }, (_request, { name }) => new Response(name))
    const call = async (secret: string) => {
      const response = await handler(new Request('http://localhost/', { headers: { authorization: `Bearer ${secret}` } }))
      return response.ok ? response.text() : response.status
    }
    expect(await call(token)).toBe('Old')
    expect(await call(primary)).toBe('New')
    expect(await call(spoilt(token))).toBe(401)
    expect(await call(token.replace('mycompany', 'another'))).toBe(401)
  })
})
