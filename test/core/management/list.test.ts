import type { ApiKey, ListKeysInput, Twinkey } from 'twinkey'
import { describe, expect, it } from 'vitest'
import { createBench } from '../../support/bench.ts'
import { errorCodeOf } from '../../support/faults.ts'
import { verdict } from '../../support/sent.ts'

const scopeOf = (...tenants: string[]) => ({ tenants, workflows: '*' as const })
const INPUT = { name: 'n', scope: scopeOf('t') }
const HOUR = 3_600_000

async function createScene() {
  const bench = createBench()
  const { keys } = bench.twinkey
  const make = async (name: string, more: object = {}) => {
    bench.clock.advance(1000)
    return keys.create({ ...INPUT, name, ...more })
  }
  const names = async (query: ListKeysInput = {}) =>
    (await keys.list({ limit: 100, ...query })).keys.map(({ name }) => name)
  return { ...bench, keys, make, names }
}

async function pagesOf({ keys }: Twinkey, query: ListKeysInput): Promise<ApiKey[][]> {
  const pages: ApiKey[][] = []
  let cursor: string | undefined
  do {
    const page = await keys.list({ ...query, cursor })
    pages.push([...page.keys])
    cursor = page.nextCursor
    expect(pages.length).toBeLessThan(100)
  } while (cursor !== undefined)
  return pages
}

describe('the order of a list', () => {
  it('is the newest first, or the oldest first with sort', async () => {
    const { make, names, twinkey } = await createScene()
    for (const name of ['a', 'b', 'c', 'd', 'e']) await make(name)
    expect(await names()).toEqual(['e', 'd', 'c', 'b', 'a'])
    expect(await names({ sort: 'newest' })).toEqual(['e', 'd', 'c', 'b', 'a'])
    expect(await names({ sort: 'oldest' })).toEqual(['a', 'b', 'c', 'd', 'e'])
    for (const sort of ['newest', 'oldest'] as const) {
      const pages = await pagesOf(twinkey, { sort, limit: 2 })
      expect(pages.map((page) => page.length)).toEqual([2, 2, 1])
      expect(pages.flat().map(({ name }) => name)).toEqual(await names({ sort }))
    }
  })

  it('is the same in both directions for keys of one millisecond', async () => {
    const { keys, twinkey } = await createScene()
    for (let i = 0; i < 30; i++) await keys.create(INPUT)
    const ids = async (sort: 'newest' | 'oldest') =>
      (await pagesOf(twinkey, { sort, limit: 7 })).flat().map(({ id }) => id)
    expect(await ids('newest')).toEqual((await ids('oldest')).reverse())
    expect(new Set(await ids('oldest')).size).toBe(30)
  })
})

describe('a filter of a list', () => {
  it('by name matches the beginning, without regard to case and width', async () => {
    const { make, names } = await createScene()
    for (const name of ['Billing', 'billing 2', 'ＢＩＬＬ', 'bi', 'rebill', 'Straße'])
      await make(name)
    expect((await names({ name: 'BILL' })).sort()).toEqual(['Billing', 'billing 2', 'ＢＩＬＬ'])
    expect(await names({ name: 'b', sort: 'oldest' })).toEqual([
      'Billing',
      'billing 2',
      'ＢＩＬＬ',
      'bi',
    ])
    expect(await names({ name: 'billing ' })).toEqual(['billing 2'])
    expect(await names({ name: 'straß' })).toEqual(['Straße'])
    expect(await names({ name: 'none' })).toEqual([])
  })

  it('by tenant, owner and hint', async () => {
    const { make, names } = await createScene()
    const a = await make('a', { owner: 'ada', scope: scopeOf('t', 's') })
    await make('b', { owner: 'bob' })
    await make('c', { scope: { tenants: '*', workflows: '*' } })
    expect(await names({ tenant: 's' })).toEqual(['a'])
    expect(await names({ tenant: 't' })).toEqual(['b', 'a'])
    expect(await names({ owner: 'ada' })).toEqual(['a'])
    expect(await names({ owner: null })).toEqual(['c'])
    for (const slot of ['primary', 'secondary'] as const)
      expect(await names({ hint: a.key[slot]?.hint as string })).toContain('a')
    expect(await names({ hint: a.primary.slice(-4), owner: 'bob' })).toEqual([])
  })

  it('by each state, which belong to no two lists', async () => {
    const { make, names, keys, clock } = await createScene()
    const expiresAt = clock.now() + HOUR
    await make('active')
    await make('expired', { expiresAt })
    const end = {
      disabled: await make('disabled', { expiresAt }),
      revoked: await make('revoked', { expiresAt }),
    }
    await keys.disable(end.disabled.key.id)
    await keys.disable(end.revoked.key.id)
    await keys.revoke(end.revoked.key.id)
    expect(await names({ state: 'expired' })).toEqual([])
    expect(await names({ state: 'active' })).toEqual(['expired', 'active'])
    clock.advance(HOUR)
    for (const state of ['active', 'expired', 'disabled', 'revoked'] as const)
      expect(await names({ state })).toEqual([state])
  })

  it('by state finds a key as expired whose secrets have all expired', async () => {
    const { make, names, keys, clock } = await createScene()
    const { key } = await make('k', { secondary: false, expiresAt: clock.now() + 10 * HOUR })
    await keys.rotate(key.id)
    clock.advance(9 * HOUR)
    expect(await names({ state: 'active' })).toEqual(['k'])
    clock.advance(HOUR)
    expect(await names({ state: 'expired' })).toEqual(['k'])
  })

  it('by expiresBefore finds keys of which no secret works from then on', async () => {
    const { make, names, clock } = await createScene()
    const at = clock.now() + HOUR
    await make('soon', { expiresAt: at })
    await make('later', { expiresAt: at + 1 })
    await make('never')
    expect(await names({ expiresBefore: at })).toEqual([])
    expect(await names({ expiresBefore: at + 1 })).toEqual(['soon'])
    expect(await names({ expiresBefore: at + 2 })).toEqual(['later', 'soon'])
  })

  it('by unusedSince finds keys that are older, and not used since', async () => {
    const { make, names, twinkey, clock } = await createScene()
    const used = await make('used')
    await make('unused')
    const since = clock.now() + HOUR
    clock.advance(2 * HOUR)
    await make('new')
    await verdict(twinkey, used.primary)
    await twinkey.flush()
    expect(await names({ unusedSince: since })).toEqual(['unused'])
    expect((await names({ unusedSince: clock.now() + 1 })).sort()).toEqual([
      'new',
      'unused',
      'used',
    ])
  })

  it('by unusedSince finds no key with a secret that is newer', async () => {
    const { make, names, twinkey, clock } = await createScene()
    const renewed = await make('renewed')
    const rotated = await make('rotated')
    await make('unused')
    clock.advance(2 * HOUR)
    const since = clock.now()
    clock.advance(HOUR)
    await verdict(twinkey, renewed.primary)
    await twinkey.flush()
    // The last use of a secret ends with it.
    await twinkey.keys.renew(renewed.key.id, { slots: 'primary' })
    await twinkey.keys.rotate(rotated.key.id, { replace: 'secondary' })
    expect(await names({ unusedSince: since })).toEqual(['unused'])
    expect(await names({ unusedSince: clock.now() })).toEqual(['unused'])
    expect(await names({ unusedSince: clock.now() + 1 })).toHaveLength(3)
  })

  it('must match together with all others', async () => {
    const { make, names, keys } = await createScene()
    const a = await make('billing', { owner: 'ada' })
    await make('billing', { owner: 'bob' })
    await make('other', { owner: 'ada' })
    await keys.disable(a.key.id)
    const all = {
      name: 'bill',
      owner: 'ada',
      tenant: 't',
      state: 'disabled',
      pepper: null,
    } as const
    expect(await names({ ...all, hint: a.key.primary.hint })).toEqual(['billing'])
    for (const wrong of [
      { name: 'x' },
      { owner: 'bob' },
      { tenant: 'u' },
      { state: 'active' as const },
    ])
      expect(await names({ ...all, ...wrong })).toEqual([])
  })
})

describe('a cursor', () => {
  it('belongs to its query: other filters and another order are invalid_input', async () => {
    const { make, keys } = await createScene()
    for (const name of ['a', 'b', 'c']) await make(name, { owner: 'ada' })
    const query = { owner: 'ada', limit: 1 }
    const { nextCursor: cursor } = await keys.list(query)
    expect(cursor).toBeTypeOf('string')
    const others: ListKeysInput[] = [
      {},
      { owner: 'bob' },
      { owner: null },
      { owner: 'ada', tenant: 't' },
      { owner: 'ada', state: 'active' },
      { owner: 'ada', name: 'a' },
      { owner: 'ada', sort: 'oldest' },
    ]
    for (const other of others)
      expect(await errorCodeOf(keys.list({ ...other, cursor }))).toBe('invalid_input')
    // The limit may change from page to page.
    expect((await keys.list({ ...query, limit: 2, cursor })).keys.map(({ name }) => name)).toEqual([
      'b',
      'a',
    ])
  })

  it('of another keyring is invalid_input', async () => {
    const { make, keys } = await createScene()
    for (const name of ['a', 'b', 'c']) await make(name, { owner: 'ada' })
    const { nextCursor: cursor } = await keys.list({ limit: 1 })
    for (const limits of [{ owner: 'ada' }, { owner: 'bob' }, { tenants: ['t'] }])
      expect(await errorCodeOf(keys.within({ actor: 'x', ...limits }).list({ cursor }))).toBe(
        'invalid_input',
      )
  })

  it.each([
    '',
    'x',
    '!!!',
    'bnVsbA',
    Buffer.from('[]').toString('base64url'),
    Buffer.from('["sealed",1,"id"]').toString('base64url'),
    'A'.repeat(100_000),
    '\ud800',
  ])('that is garbage is invalid_input: %j', async (cursor) => {
    const { keys } = createBench().twinkey
    expect(await errorCodeOf(keys.list({ cursor }))).toBe('invalid_input')
    expect(await errorCodeOf(async () => keys.history({ cursor }))).toBe('invalid_input')
    expect(await errorCodeOf(async () => keys.history({ after: cursor }))).toBe('invalid_input')
  })

  it('keeps the time of the first page for the state of keys', async () => {
    const { make, keys, clock } = await createScene()
    const expiresAt = clock.now() + HOUR
    for (const name of ['a', 'b', 'c']) await make(name, { expiresAt })
    const query = { state: 'active', limit: 1 } as const
    const first = await keys.list(query)
    clock.advance(2 * HOUR)
    // The keys have expired since, and the list goes on as it began. Each key says what it is now.
    const second = await keys.list({ ...query, cursor: first.nextCursor })
    expect(second.keys).toMatchObject([{ name: 'b', state: 'expired' }])
    expect((await keys.list(query)).keys).toEqual([])
    expect((await keys.list({ state: 'expired' })).keys).toHaveLength(3)
  })
})

describe('keys.all', () => {
  it('returns every key of a query, whatever the number of pages', async () => {
    const { make, keys } = await createScene()
    for (let i = 0; i < 105; i++) await make(`n${i}`, { owner: i % 2 ? 'ada' : 'bob' })
    const names = async (query?: ListKeysInput) => {
      const found: string[] = []
      for await (const { name } of keys.all(query)) found.push(name)
      return found
    }
    const expected = Array.from({ length: 105 }, (_, i) => `n${i}`)
    expect(await names()).toEqual([...expected].reverse())
    expect(await names({ sort: 'oldest', limit: 10 })).toEqual(expected)
    expect(await names({ owner: 'ada', limit: 7 })).toHaveLength(52)
    expect(await names({ owner: 'nobody' })).toEqual([])
  })

  it('reads no further page than is asked for', async () => {
    const { make, keys, spy } = await createScene()
    for (let i = 0; i < 10; i++) await make(`n${i}`)
    for await (const _key of keys.all({ limit: 2 })) break
    expect(spy.calls.list).toBe(1)
  })

  it('is not affected by a later change of its input', async () => {
    const { make, keys } = await createScene()
    for (let i = 0; i < 4; i++) await make(`n${i}`, { owner: 'ada' })
    const query = { owner: 'ada', limit: 1 }
    let count = 0
    for await (const { owner } of keys.all(query)) {
      query.owner = 'bob'
      expect(owner).toBe('ada')
      count++
    }
    expect(count).toBe(4)
  })

  it.each([{ state: 'gone' }, { limit: 0 }, { nope: 1 }, null, 'x'])(
    'refuses %j',
    async (query) => {
      const { keys } = createBench().twinkey
      expect(await errorCodeOf(async () => keys.all(query as object).next())).toBe('invalid_input')
    },
  )
})

it.each(['bob', null])('the list of a keyring of an owner has no key of %j', async (owner) => {
  const { twinkey } = createBench()
  for (const each of ['ada', 'bob', null]) await twinkey.keys.create({ ...INPUT, owner: each })
  const ofAda = twinkey.keys.within({ actor: 'ada', owner: 'ada' })
  expect((await ofAda.list()).keys).toHaveLength(1)
  expect(await ofAda.list({ owner })).toEqual({ keys: [], nextCursor: undefined })
})

it('the list of a limited keyring repeats no key if thousands of invisible keys have one time', async () => {
  const { twinkey } = createBench()
  const ofAda = twinkey.keys.within({ actor: 'ada', tenants: ['t', 'u'] })
  const ids: string[] = []
  for (let i = 0; i < 6000; i++) {
    const isSeen = i % 2000 === 1000
    const { key } = await twinkey.keys.create({
      name: 'n',
      secondary: false,
      scope: scopeOf(isSeen ? 't' : 'hidden'),
    })
    if (isSeen) ids.push(key.id)
  }
  for (const sort of ['newest', 'oldest'] as const) {
    const found: string[] = []
    let cursor: string | undefined
    for (let pages = 0; ; pages++) {
      expect(pages).toBeLessThan(20)
      const page = await ofAda.list({ sort, limit: 1, cursor })
      found.push(...page.keys.map(({ id }) => id))
      cursor = page.nextCursor
      if (cursor === undefined) break
    }
    expect([...found].sort()).toEqual([...ids].sort())
  }
})
