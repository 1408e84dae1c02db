import pg from 'pg'
import type { KeyRecord } from 'twinkey/store'
import { type PostgresStore, postgresStore } from 'twinkey/stores/postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newKey } from '../../src/testing/sample.ts'
import { type Nodes, onTenants, startNodes } from './postgres-nodes.ts'

// What PostgreSQL does when one of two statements has to wait. Each pair is forced, not left to
// chance.

let nodes: Nodes
let store: PostgresStore

beforeAll(async () => {
  nodes = await startNodes(1)
  store = nodes.stores[0]
})
afterAll(() => nodes.end())

/**
 * Holds what `first` does in an open transaction until `second` waits for it, then lets it go.
 * Returns the result of `second`.
 */
async function whileHeld<T>(
  first: (held: PostgresStore) => Promise<unknown>,
  second: (waiting: PostgresStore) => Promise<T>,
): Promise<T> {
  const [holder, waiter] = [1, 2].map(() => new pg.Client(nodes.server.url)) as [
    pg.Client,
    pg.Client,
  ]
  await Promise.all([holder.connect(), waiter.connect()])
  try {
    const [[pid]] = (await waiter.query({ text: 'select pg_backend_pid()', rowMode: 'array' }))
      .rows as [[number]]
    await holder.query('begin')
    await first(postgresStore(holder))
    let isOver = false
    const outcome = second(postgresStore(waiter)).finally(() => {
      isOver = true
    })
    const waits = async () =>
      (
        await nodes.ask(
          "select 1 from pg_stat_activity where pid = $1 and wait_event_type = 'Lock'",
          pid,
        )
      ).length > 0
    while (!isOver && !(await waits()));
    expect(isOver, 'it did not wait').toBe(false)
    await holder.query('commit')
    return await outcome
  } finally {
    await Promise.all([holder.end(), waiter.end()])
  }
}

describe('a write that waits for another one gets the state after it:', () => {
  const stored = async () => {
    const key = onTenants(newKey(), 0, 'before')
    await store.put(key, undefined, undefined)
    return key
  }
  const cases: [
    string,
    () => Promise<{ id: string; outcome: unknown; expected: unknown; left: KeyRecord | undefined }>,
  ][] = [
    [
      'a creation, after another creation',
      async () => {
        const key = newKey()
        const outcome = await whileHeld(
          (held) => held.put(key, undefined, undefined),
          (waiting) => waiting.put(onTenants(key, 1, 'other'), undefined, undefined),
        )
        return { id: key.id, outcome, expected: 'conflict', left: key }
      },
    ],
    [
      'a creation, after the deletion of what was there',
      async () => {
        const key = await stored()
        const next = onTenants(key, 5, 'after')
        await store.recordUse([{ keyId: key.id, secretId: 's', usedAt: 5 }])
        const outcome = await whileHeld(
          (held) => held.delete(key.id, key.version, undefined),
          (waiting) => waiting.put(next, undefined, undefined),
        )
        return { id: key.id, outcome, expected: 'stored', left: next }
      },
    ],
    [
      'a change, after another change',
      async () => {
        const key = await stored()
        const next = onTenants(key, 1, 'after')
        const outcome = await whileHeld(
          (held) => held.put(next, key.version, undefined),
          (waiting) => waiting.put(onTenants(key, 2, 'other'), key.version, undefined),
        )
        return { id: key.id, outcome, expected: 'conflict', left: next }
      },
    ],
    [
      'a change of the very version that it waits for',
      async () => {
        const key = await stored()
        const next = onTenants(key, 1, 'between', 'both')
        const last = onTenants(next, 1, 'both', 'after')
        const outcome = await whileHeld(
          (held) => held.put(next, key.version, undefined),
          (waiting) => waiting.put(last, next.version, undefined),
        )
        return { id: key.id, outcome, expected: 'stored', left: last }
      },
    ],
    [
      'a change, after a deletion',
      async () => {
        const key = await stored()
        const outcome = await whileHeld(
          (held) => held.delete(key.id, key.version, undefined),
          (waiting) => waiting.put(onTenants(key, 1, 'after'), key.version, undefined),
        )
        return { id: key.id, outcome, expected: 'missing', left: undefined }
      },
    ],
    [
      'a deletion, after a change',
      async () => {
        const key = await stored()
        const next = onTenants(key, 1, 'after')
        const outcome = await whileHeld(
          (held) => held.put(next, key.version, undefined),
          (waiting) => waiting.delete(key.id, key.version, undefined),
        )
        return { id: key.id, outcome, expected: 'conflict', left: next }
      },
    ],
    [
      'a deletion of the very version that it waits for',
      async () => {
        const key = await stored()
        const next = onTenants(key, 1, 'after')
        const outcome = await whileHeld(
          (held) => held.put(next, key.version, undefined),
          (waiting) => waiting.delete(key.id, next.version, undefined),
        )
        return { id: key.id, outcome, expected: 'deleted', left: undefined }
      },
    ],
    [
      'a deletion, after a deletion',
      async () => {
        const key = await stored()
        const outcome = await whileHeld(
          (held) => held.delete(key.id, key.version, undefined),
          (waiting) => waiting.delete(key.id, key.version, undefined),
        )
        return { id: key.id, outcome, expected: 'missing', left: undefined }
      },
    ],
    [
      'uses, after a deletion',
      async () => {
        const key = await stored()
        const outcome = await whileHeld(
          (held) => held.delete(key.id, key.version, undefined),
          (waiting) => waiting.recordUse([{ keyId: key.id, secretId: 's', usedAt: 5 }]),
        )
        return { id: key.id, outcome, expected: undefined, left: undefined }
      },
    ],
    [
      'a deletion, after uses',
      async () => {
        const key = await stored()
        const outcome = await whileHeld(
          (held) => held.recordUse([{ keyId: key.id, secretId: 's', usedAt: 5 }]),
          (waiting) => waiting.delete(key.id, key.version, undefined),
        )
        return { id: key.id, outcome, expected: 'deleted', left: undefined }
      },
    ],
  ]

  test.each(cases)('%s', async (_name, race) => {
    const { id, outcome, expected, left } = await race()
    expect(outcome).toBe(expected)
    expect(await store.get(id)).toEqual(left)
    await nodes.expectAgreement([id])
  })
})

test('uses are recorded while a record is being written, and the reverse: neither waits', async () => {
  const key = newKey()
  const many = Array.from({ length: 100 }, (_, i) => ({
    keyId: key.id,
    secretId: `old-${i}`,
    usedAt: 5,
  }))
  await store.put(key, undefined, undefined)
  const holder = new pg.Client(nodes.server.url)
  await holder.connect()
  const held = postgresStore(holder)
  await holder.query('begin')
  await held.put({ ...key, version: key.version + 1 }, key.version, undefined)
  await store.recordUse([{ keyId: key.id, secretId: key.primary.id, usedAt: 6 }, ...many])
  await holder.query('commit; begin')
  await held.recordUse([{ keyId: key.id, secretId: 'old-7', usedAt: 7 }])
  expect(await store.put({ ...key, version: key.version + 2 }, key.version + 1, undefined)).toBe(
    'stored',
  )
  await holder.query('commit')
  await holder.end()
  // The uses of secrets that it no longer has are forgotten, except the one being recorded.
  expect(await store.get(key.id)).toEqual({
    ...key,
    version: key.version + 2,
    lastUsedAt: { [key.primary.id]: 6, 'old-7': 7 },
  })
})
