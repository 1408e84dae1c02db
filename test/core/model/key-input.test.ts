import type { CreateKeyInput, UpdateKeyInput } from 'twinkey'
import { describe, expect, it } from 'vitest'
import { createBench } from '../../support/bench.ts'
import { errorCodeOf } from '../../support/faults.ts'

const VALID = { name: 'n', scope: { tenants: ['t'], workflows: '*' } } as const

const BAD_NAMES: [string, unknown][] = [
  ['empty', ''],
  ['of 129 characters', 'x'.repeat(129)],
  ['with a NUL', 'a\0b'],
  ['with a line break', 'a\nb'],
  ['with DEL', 'a\x7f'],
  ['with a C1 control', 'a\x85'],
  ['with a lone high surrogate', 'a\ud800'],
  ['with a lone low surrogate', '\udc00a'],
  ['that is a number', 5],
  ['that is a list', ['a']],
]
const BAD_TIMES: [string, unknown][] = [
  0,
  -1,
  0.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  '1',
  8.64e15 + 1,
  2 ** 53,
  true,
  [],
  new Date(0),
].map((time) => [String(time), time])
const BAD_METADATA: [string, unknown][] = [
  ['larger than 4 KiB', { text: 'x'.repeat(4090) }],
  ['larger than 4 KiB in UTF-8', { text: 'é'.repeat(2045) }],
  ['deeper than five levels', { a: { b: { c: { d: { e: {} } } } } }],
  ['deeper than five levels by lists', { a: [[[[[]]]]] }],
  ['thousands of levels deep', JSON.parse(`{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`)],
  ['a ring', ring()],
  ['with an own __proto__', JSON.parse('{"__proto__":{"admin":true}}')],
  ['with an own __proto__ deep inside', JSON.parse('{"a":[{"__proto__":null}]}')],
  ['with a lone surrogate', { a: '\ud800' }],
  ['with a lone surrogate in a name', { '\udfff': 1 }],
  ['with a NUL', { a: 'x\0' }],
  ['with a control in a name', { 'a\n': 1 }],
  ['with undefined', { a: undefined }],
  ['with a function', { a: () => 1 }],
  ['with a symbol', { a: Symbol('a') }],
  ['with a bigint', { a: 1n }],
  ['with NaN', { a: Number.NaN }],
  ['with Infinity', { a: Number.POSITIVE_INFINITY }],
  ['with a date', { a: new Date(0) }],
  ['with a map', { a: new Map() }],
  ['with bytes', { a: new Uint8Array(2) }],
  ['a list', [1]],
  ['a string', 'x'],
  ['null', null],
  ['an object with a class', new (class Plan {})()],
]
const BAD_SCOPES: [string, unknown][] = [
  ['a list', ['t']],
  ['a string', 'tenant:t'],
  ['null', null],
  ['one with an unknown axis', { ...VALID.scope, tenant: 't' }],
  ['one with a star in a list', { ...VALID.scope, tenants: ['*'] }],
  ['one with a string for a list', { ...VALID.scope, tenants: 't' }],
  ['one with a name twice', { ...VALID.scope, tenants: ['t', 't'] }],
  ['one with 65 names', { ...VALID.scope, tenants: Array.from({ length: 65 }, (_, i) => `t${i}`) }],
  ['one with null', { tenants: ['t'], workflows: null }],
  [
    'one with an own __proto__',
    JSON.parse('{"tenants":["t"],"workflows":"*","__proto__":{"tenants":"*"}}'),
  ],
  ...['tenants', 'environments', 'workflows'].map((axis): [string, unknown] => [
    `one that reaches no ${axis}`,
    { ...VALID.scope, [axis]: [] },
  ]),
]

function ring(): object {
  const object: Record<string, unknown> = {}
  object['self'] = object
  return object
}

async function expectRefused(input: unknown): Promise<void> {
  const { twinkey, spy, events } = createBench()
  expect(await errorCodeOf(() => twinkey.keys.create(input as CreateKeyInput))).toBe(
    'invalid_input',
  )
  expect(spy.calls).toMatchObject({ put: 0 })
  expect(events).toEqual([])
  expect((await twinkey.keys.list()).keys).toEqual([])
}

async function expectNoUpdate(input: unknown): Promise<void> {
  const { twinkey, spy, events } = createBench()
  const { key } = await twinkey.keys.create(VALID)
  events.length = 0
  expect(await errorCodeOf(() => twinkey.keys.update(key.id, input as UpdateKeyInput))).toBe(
    'invalid_input',
  )
  expect(spy.calls).toMatchObject({ put: 1 })
  expect(events).toEqual([])
  expect(await twinkey.keys.get(key.id)).toEqual(key)
}

describe('create refuses, without a write,', () => {
  it.each(BAD_NAMES)('a name %s', (_, name) => expectRefused({ ...VALID, name }))
  it.each(BAD_NAMES)('an owner %s', (_, owner) => expectRefused({ ...VALID, owner }))
  it.each(BAD_NAMES)('an actor %s', (_, actor) => expectRefused({ ...VALID, actor }))
  it.each(BAD_TIMES)('an expiry of %s', (_, expiresAt) => expectRefused({ ...VALID, expiresAt }))
  it.each(BAD_METADATA)('metadata %s', (_, metadata) => expectRefused({ ...VALID, metadata }))
  it.each(BAD_SCOPES)('a scope that is %s', (_, scope) => expectRefused({ ...VALID, scope }))
  it.each(['tenants', 'workflows'])('a scope without %s', (axis) =>
    expectRefused({ name: 'n', scope: { ...VALID.scope, [axis]: undefined } }),
  )
  it('no scope', () => expectRefused({ name: 'n' }))
  it('no name', () => expectRefused({ scope: VALID.scope }))
  it('an expiry in the past, or now', async () => {
    const { clock } = createBench()
    await expectRefused({ ...VALID, expiresAt: clock.now() - 1 })
    await expectRefused({ ...VALID, expiresAt: clock.now() })
  })
  it.each([null, undefined, 'n', 5, [], new (class Input {})()])('%j as its input', (input) =>
    expectRefused(input),
  )
  it.each(['id', 'tenant', 'expires_at', 'enabled', 'constructor'])(
    'an unknown member %s',
    (member) => expectRefused({ ...VALID, [member]: 1 }),
  )
  it('an own __proto__', () =>
    expectRefused(
      JSON.parse(
        '{"name":"n","scope":{"tenants":["t"],"workflows":"*"},"__proto__":{"owner":"root"}}',
      ),
    ))
  it.each(['no', 0, null, 'true'])('a `secondary` or `tokens` of %j', async (flag) => {
    await expectRefused({ ...VALID, secondary: flag })
    await expectRefused({ ...VALID, tokens: flag })
  })
})

describe('update refuses, without a change,', () => {
  it.each(BAD_NAMES)('a name %s', (_, name) => expectNoUpdate({ name }))
  it.each(BAD_NAMES)('an actor %s', (_, actor) => expectNoUpdate({ actor }))
  it.each(BAD_TIMES)('an expiry of %s', (_, expiresAt) => expectNoUpdate({ expiresAt }))
  it.each(BAD_METADATA)('metadata %s', (_, metadata) => expectNoUpdate({ metadata }))
  it.each(BAD_SCOPES)('a scope that is %s', (_, scope) => expectNoUpdate({ scope }))
  it.each([null, undefined, 'n', []])('%j as its input', (input) => expectNoUpdate(input))
  it.each([null, 0, 'true'])('a `tokens` of %j', (tokens) => expectNoUpdate({ tokens }))
  it.each([null, '1', 1.5])('an `expectedVersion` of %j', (expectedVersion) =>
    expectNoUpdate({ name: 'm', expectedVersion }),
  )
  it('an expiry of more than a minute ago', () =>
    expectNoUpdate({ expiresAt: createBench().clock.now() - 60_001 }))
  it.each(['id', 'owner', 'enabled', 'revokedAt', 'primary', 'version'])(
    'the member %s, which is immutable',
    (member) => expectNoUpdate({ [member]: 'x' }),
  )
})

describe('create accepts', () => {
  it.each([
    ['a name of 128 characters', { name: 'x'.repeat(128) }],
    ['a name in any script', { name: '日本語 \u{1F511} Ω' }],
    ['metadata of exactly 4 KiB', { metadata: { text: 'x'.repeat(4085) } }],
    ['metadata of exactly five levels', { metadata: { a: { b: { c: { d: [] } } } } }],
    [
      'names that objects inherit',
      { name: 'constructor', owner: '__proto__', metadata: { constructor: 1, toString: 2 } },
    ],
    [
      '64 tenants',
      { scope: { ...VALID.scope, tenants: Array.from({ length: 64 }, (_, i) => `t${i}`) } },
    ],
    [
      'undefined for each optional member',
      {
        owner: undefined,
        expiresAt: undefined,
        metadata: undefined,
        secondary: undefined,
        actor: undefined,
      },
    ],
    ['an object without a prototype', Object.assign(Object.create(null), { owner: 'o' })],
  ])('%s, and get returns it unchanged', async (_, more) => {
    const { twinkey } = createBench()
    const { key } = await twinkey.keys.create({ ...VALID, ...(more as object) })
    expect(await twinkey.keys.get(key.id)).toEqual(key)
  })
})

describe('the other calls refuse', () => {
  it.each([[null], ['x'], [{ actor: '' }], [{ who: 'me' }]])('the options %j', async (options) => {
    const { keys } = createBench().twinkey
    const { key } = await keys.create(VALID)
    const wrong = options as object
    const renewal =
      typeof options === 'string' ? options : options && { slots: 'primary', ...options }
    const calls = [
      () => keys.enable(key.id, wrong),
      () => keys.disable(key.id, wrong),
      () => keys.revoke(key.id, wrong),
      () => keys.rotate(key.id, wrong),
      () => keys.renew(key.id, renewal as { slots: 'primary' }),
      () => keys.endSecondary(key.id, wrong),
      () => keys.delete(key.id, wrong),
    ]
    for (const call of calls) expect(await errorCodeOf(call)).toBe('invalid_input')
    expect(await keys.get(key.id)).toEqual(key)
  })

  it.each([undefined, null, '', 'a b', "' OR ''='", 'x'.repeat(65), 5, {}])(
    'the id %j',
    async (id) => {
      const { keys } = createBench().twinkey
      const calls = [
        () => keys.update(id as string, { name: 'n' }),
        () => keys.enable(id as string),
        () => keys.disable(id as string),
        () => keys.revoke(id as string),
        () => keys.rotate(id as string),
        () => keys.renew(id as string, { slots: 'primary' }),
        () => keys.endSecondary(id as string),
        () => keys.delete(id as string),
      ]
      for (const call of calls) expect(await errorCodeOf(call)).toBe('invalid_input')
    },
  )

  it.each([
    {},
    { owner: 'a', tenant: 'b' },
    { owner: '' },
    { tenant: null },
    { tenants: ['a'] },
    undefined,
  ])('revokeAll(%j)', async (input) => {
    const { keys } = createBench().twinkey
    const { key } = await keys.create({ ...VALID, owner: 'a' })
    expect(await errorCodeOf(() => keys.revokeAll(input as { owner: string }))).toBe(
      'invalid_input',
    )
    expect((await keys.get(key.id))?.state).toBe('active')
  })

  it.each([
    { limit: 0 },
    { limit: 101 },
    { limit: 1.5 },
    { limit: '5' },
    { limit: null },
    { cursor: 5 },
    { state: 'enabled' },
    { sort: 'name' },
    { hint: '' },
    { hint: '12345' },
    { name: '' },
    { expiresBefore: 0 },
    { unusedSince: '1' },
    { state: '' },
    { tenant: '' },
    { owner: 5 },
    { pepper: '' },
    { owners: 'a' },
    null,
    [],
  ])('list(%j)', async (input) => {
    expect(await errorCodeOf(() => createBench().twinkey.keys.list(input as object))).toBe(
      'invalid_input',
    )
  })
})

it.each([undefined, null, 7, {}])(
  'an id of %j is invalid_input for every call, including get',
  async (id) => {
    const { keys } = createBench().twinkey
    const calls = [keys.get, keys.revoke, keys.disable, keys.enable, keys.rotate, keys.delete]
    for (const call of calls)
      expect(await errorCodeOf(() => call(id as never))).toBe('invalid_input')
  },
)
