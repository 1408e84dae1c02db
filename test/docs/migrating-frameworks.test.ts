import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import express, { type RequestHandler } from 'express'
import type * as Twinkey from 'twinkey'
import { createTwinkey, tokenEndpoints } from 'twinkey'
import { mount, requireAuth } from 'twinkey/express'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { blocksOf, createGuideRunner } from '../support/guide.ts'
import { sendRaw } from '../support/raw-http.ts'

const { load, remove } = createGuideRunner()
afterAll(remove)

const ending: (() => unknown)[] = []
afterEach(() => {
  for (const end of ending.splice(0)) end()
})

async function blockWith<T>(guide: string, text: string): Promise<T> {
  const found = blocksOf(guide, 'ts').filter((block) => block.includes(text))
  expect(found, `blocks of docs/${guide}.md with ${text}`).toHaveLength(1)
  return load<T>(found[0] ?? '')
}

interface Profiles {
  sanctumProfile(): Twinkey.Profile
  djangoProfile(): Twinkey.Profile
  railsProfile(): Twinkey.Profile
}
interface Way {
  readonly importedSecrets: Twinkey.TwinkeyOptions['importedSecrets']
  keyOf(row: object, tenant: string): Twinkey.ImportKeyInput
}

const profileOf = async (name: keyof Profiles) =>
  (await blockWith<Profiles>('migrating-frameworks', 'sanctumProfile'))[name]()
const wayWith = (text: string) => blockWith<Way>('migrating-frameworks', text)

/**
 * Starts an API with these routes. Returns a function that sends `Authorization` fields to it and
 * reports the answers.
 */
async function start(
  twinkey: Twinkey.Twinkey,
  profile: Twinkey.Profile,
  before: RequestHandler[] = [],
  workflow = 'orders:read',
) {
  const app = express().use(...before, (_req, _res, next) => next())
  app.use('/tokens', mount(tokenEndpoints(twinkey, { profile })))
  app.get(
    '/orders',
    requireAuth(twinkey, { profile, workflow }),
    (req, res) => void res.json({ code: req.principal.name }),
  )
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  ending.push(
    () => server.closeAllConnections(),
    () => server.close(),
  )
  const { port } = server.address() as AddressInfo
  return async (fields: string | readonly string[], target = '/orders', method = 'GET') => {
    const headers = [fields].flat().map((field) => ['Authorization', field] as const)
    const { status, body } = await sendRaw(port, { method, target, headers })
    const { code, access_token: token } = JSON.parse(body) as {
      code?: string
      access_token?: string
    }
    return token ?? `${status} ${code}`
  }
}

/** What every profile must refuse or still read, by the field of a good key. */
async function expectStandard(
  twinkey: Twinkey.Twinkey,
  call: Awaited<ReturnType<typeof start>>,
  good: string,
  bad: string,
) {
  expect(await call(bad)).toBe('401 credential_invalid')
  expect(await call([good, good])).toBe('400 credential_ambiguous')
  expect(await call(`${good}, ${good}`)).toBe('400 credential_ambiguous')
  expect(await call([good, 'Basic eDp5'])).toBe('400 credential_ambiguous')
  expect(await call('Basic eDp5')).toBe('401 credential_missing')
  expect(await call(good.split(' ')[0] as string)).toMatch(
    /^40[01] credential_(?:malformed|missing)$/,
  )
  expect(await call(`${good} and more`)).toBe('400 credential_malformed')
  const { primary } = await twinkey.keys.create({
    name: 'New',
    scope: { tenants: ['t1'], workflows: '*' },
  })
  expect(await call(`Bearer ${primary}`)).toBe('200 New')
  const token = await call(good, '/tokens', 'POST')
  expect(await call(`Bearer ${token}`)).toMatch(/^200 /)
}

describe('Laravel Sanctum', () => {
  // As HasApiTokens::createToken makes them: 40 characters, without the checksum of later versions
  // and with it.
  const text = 'kT3vYb0QmZ8rXw5LsN1hJ7cGfD9aPe2UiVo6RqKx'
  const row = {
    id: 17,
    tokenable_type: 'App\\Models\\User',
    tokenable_id: 1,
    name: 'Phone',
    abilities: '["orders:read"]',
    expires_at: null,
  }

  test.each([
    [text, '6542e6309162d732bae5a2047e0ae4ac178534a1938ac5c509acd4157f5734d5'],
    [`${text}be973d8c`, '642674d1ba243200d5703d365df5330c5bc31fe9e0023a91298fd79aa7cc6f71'],
  ])('the token 17|%s passes a guard for its abilities', async (plain, token) => {
    expect(createHash('sha256').update(plain).digest('hex')).toBe(token)
    const { importedSecrets, keyOf } = await wayWith('personal_access_tokens')
    const twinkey = createTwinkey({ importedSecrets })
    await twinkey.keys.import(keyOf({ ...row, token }, 't1'))
    const call = await start(twinkey, await profileOf('sanctumProfile'))
    expect(await call(`Bearer 17|${plain}`)).toBe('200 Phone')
    expect(await call(`bearer  17|${plain}`)).toBe('200 Phone')
    expect(await call(`Bearer ${plain}`)).toBe('200 Phone')
    expect(await call(`Bearer 17|18|${plain}`)).toBe('400 credential_malformed')
    expect(await call(`Bearer |${plain}`)).toBe('400 credential_malformed')
    await expectStandard(
      twinkey,
      call,
      `Bearer 17|${plain}`,
      `Bearer 17|${plain.replace('kT3', 'kT4')}`,
    )
    const other = await start(twinkey, await profileOf('sanctumProfile'), [], 'orders:write')
    expect(await other(`Bearer 17|${plain}`)).toBe('403 workflow_denied')
  })

  test.each([
    ['["*"]', '*'],
    ['[]', []],
    [null, []],
    ['["a","b"]', ['a', 'b']],
  ])('the abilities %s become the workflows %j', async (abilities, workflows) => {
    const { keyOf } = await wayWith('personal_access_tokens')
    expect(keyOf({ ...row, token: '', abilities }, 't1')).toMatchObject({
      owner: 'App\\Models\\User:1',
      scope: { workflows },
    })
  })
})

describe('Django REST framework, authtoken', () => {
  // A row of authtoken_token as Django REST framework 3.14 made it.
  const row = { key: 'aa366f849cf694125d3add1bb202d195032eaa34', user_id: 1 }

  test('the token passes a guard by its scheme, and is stored nowhere', async () => {
    const { importedSecrets, keyOf } = await wayWith('authtoken:')
    const twinkey = createTwinkey({ importedSecrets })
    const key = await twinkey.keys.import(keyOf(row, 't1'))
    expect(JSON.stringify(key)).not.toContain(row.key)
    const call = await start(twinkey, await profileOf('djangoProfile'))
    expect(await call(`Token ${row.key}`)).toBe('200 Token of user 1')
    expect(await call(`token ${row.key}`)).toBe('200 Token of user 1')
    await expectStandard(twinkey, call, `Token ${row.key}`, `Token ${row.key.replace('aa', 'ab')}`)
  })
})

describe('djangorestframework-api-key', () => {
  // Keys and their hashes as its KeyGenerator makes them, by the hasher of version 3 and by
  // Django's own.
  const keys = {
    'BxiIxpD9.8GFfd7QflG7IJKyoDauqPruVBZSewChO':
      'sha512$$b3abc3d34f1fa49e2f4cdb956f21b8d57d9c5b9db19ef83bca556d8c6afc6520d1ff34481246e100fffa6dfcece4f717605043683e01984fea72d753b4796303',
    'uMiX8I4K.KRTxdbBbDa74ZArLLsCgebW7HbPjlcfC':
      'pbkdf2_sha256$260000$xYkWDzYfMJ3zCIGX1w8QHf$caBSu3gKv72Ll8O0MGhEm8Mh0CLCdgzZDFt5U1cwAiI=',
  }
  type TakeOver = (
    twinkey: Twinkey.Twinkey,
    secret: string,
    check: (secret: string) => Promise<object | undefined>,
  ) => Promise<void>
  type Check = { importedSecrets: Twinkey.TwinkeyOptions['importedSecrets'] } & {
    checkWith(
      find: (prefix: string) => Promise<object | undefined>,
      tenant: string,
    ): (secret: string) => Promise<object | undefined>
  }

  async function startWith(more: object) {
    const { takeOver } = await blockWith<{ takeOver: TakeOver }>('migrating', 'takeOver(')
    const { importedSecrets, checkWith } = await blockWith<Check>(
      'migrating-frameworks',
      'checkWith(',
    )
    const { beforeGuard } = await blockWith<{
      beforeGuard(take: (secret: string) => Promise<void>): RequestHandler
    }>('migrating-frameworks', 'beforeGuard(')
    const twinkey = createTwinkey({ importedSecrets })
    const rows = Object.entries(keys).map(([key, hashed_key]) => ({
      key,
      hashed_key,
      name: 'Partner',
      revoked: false,
      expiry_date: null,
      ...more,
    }))
    const check = checkWith(
      async (prefix) => rows.find(({ key }) => key.startsWith(`${prefix}.`)),
      't1',
    )
    const call = await start(twinkey, await profileOf('djangoProfile'), [
      beforeGuard((secret) => takeOver(twinkey, secret, check)),
    ])
    return { twinkey, call }
  }

  test.each(Object.keys(keys))(
    'the key %s is imported on its first use, and passes a guard',
    async (key) => {
      const { twinkey, call } = await startWith({})
      expect(await call(`Api-Key ${key.slice(0, -1)}x`)).toBe('401 credential_invalid')
      expect((await twinkey.keys.list()).keys).toHaveLength(0)
      expect(await call(`Api-Key ${key}`)).toBe('200 Partner')
      expect(await call(`api-key ${key}`)).toBe('200 Partner')
      expect((await twinkey.keys.list()).keys).toHaveLength(1)
      await expectStandard(twinkey, call, `Api-Key ${key}`, `Api-Key ${key.slice(0, -1)}y`)
    },
  )

  test.each([
    { revoked: true },
    { expiry_date: new Date('2020-01-01') },
    { hashed_key: 'sha512$$' },
    { hashed_key: 'md5$x$y' },
  ])('a row with %j is not imported', async (more) => {
    const { twinkey, call } = await startWith(more)
    for (const key of Object.keys(keys))
      expect(await call(`Api-Key ${key}`)).toBe('401 credential_invalid')
    expect((await twinkey.keys.list()).keys).toHaveLength(0)
  })
})

describe('Rails', () => {
  // Made by SecureRandom.base58(24) of ActiveSupport 6.1, as has_secure_token does.
  const row = { id: 3, token: 'zPG7zG8vZDefnoQL8gVyWE9A', name: null }

  test('the token passes a guard in each form that Rails takes', async () => {
    const { importedSecrets, keyOf } = await wayWith('`rails:')
    const twinkey = createTwinkey({ importedSecrets })
    await twinkey.keys.import(keyOf(row, 't1'))
    const call = await start(twinkey, await profileOf('railsProfile'))
    const parameters = [`token="${row.token}"`, `token=${row.token}`, row.token]
    for (const form of ['Token', 'Bearer'].flatMap((scheme) =>
      parameters.map((each) => `${scheme} ${each}`),
    ))
      expect(`${form}: ${await call(form)}`).toBe(`${form}: 200 API key`)
    for (const form of [
      `Token token="${row.token}", nonce="x"`,
      `Token token=${row.token}, Token token=${row.token}`,
    ])
      expect(`${form}: ${await call(form)}`).toBe(`${form}: 400 credential_ambiguous`)
    for (const form of [
      `Token token="${row.token}`,
      `Token token=${row.token}"`,
      `Token "${row.token}"`,
      'Token token=""',
    ])
      expect(`${form}: ${await call(form)}`).toBe(`${form}: 400 credential_malformed`)
    await expectStandard(
      twinkey,
      call,
      `Token token="${row.token}"`,
      `Token token="${row.token.replace('zPG', 'zPH')}"`,
    )
  })
})
