import type { HistoryEntry } from 'twinkey'
import type { KeyRecord } from 'twinkey/store'
import type { MysqlStore } from 'twinkey/stores/mysql'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newEntry, newId, newKey } from '../../src/testing/sample.ts'
import { rounds } from '../support/rounds.ts'
import { type Nodes, startNodes } from './mysql-nodes.ts'
import { onTenants, shuffled } from './postgres-nodes.ts'

const WRITERS = 20
const ROUNDS = rounds(50)
const MIXED_ROUNDS = rounds(10)
const BATCHES = rounds(100)

let nodes: Nodes
let store: MysqlStore

beforeAll(async () => {
  nodes = await startNodes(4)
  store = nodes.stores[0]
})
afterAll(() => nodes.end())

const oneOf = (i: number) => nodes.stores[i % nodes.stores.length] as MysqlStore

test(`of ${WRITERS} writers exactly one wins, in each of ${ROUNDS} rounds over four pools, and the labels and the history are its own`, async () => {
  let key = newKey()
  const won: HistoryEntry[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const expected = round === 0 ? undefined : key.version
    const writers = Array.from({ length: WRITERS }, (_, i) =>
      onTenants(key, 1 + i, `t${round}-${i}`, `shared-${i % 3}`),
    )
    const entries = writers.map((next) => newEntry(next, { at: round }))
    const outcomes = await Promise.all(
      writers.map((next, i) => oneOf(i).put(next, expected, entries[i])),
    )
    expect(outcomes.filter((outcome) => outcome === 'stored')).toHaveLength(1)
    expect(outcomes.filter((outcome) => outcome === 'conflict')).toHaveLength(WRITERS - 1)
    key = writers[outcomes.indexOf('stored')] as KeyRecord
    won.push(entries[outcomes.indexOf('stored')] as HistoryEntry)
    expect(await store.get(key.id)).toEqual(key)
    await nodes.expectAgreement([key.id])
  }
  const deletions = Array.from({ length: WRITERS }, () => newEntry(key, { at: ROUNDS }))
  const outcomes = await Promise.all(
    deletions.map((entry, i) => oneOf(i).delete(key.id, key.version, entry)),
  )
  expect(outcomes.filter((outcome) => outcome === 'deleted')).toHaveLength(1)
  expect(outcomes.filter((outcome) => outcome === 'missing')).toHaveLength(WRITERS - 1)
  won.push(deletions[outcomes.indexOf('deleted')] as HistoryEntry)
  const { entries } = await store.history({ keyId: key.id, sort: 'oldest', limit: 100 })
  expect(entries).toEqual(won)
})

test('creations, changes, deletions and uses all at once leave tables that agree', async () => {
  const ids = Array.from({ length: 4 }, newId)
  const versions = 12
  for (let round = 0; round < MIXED_ROUNDS; round++) {
    // All steps from one version to the next are sent at once, so that some find the version that
    // they expect and others do not.
    const steps = ids.flatMap((id) =>
      Array.from({ length: versions }, (_, version) => {
        const next = newKey({
          id,
          version: version + 1,
          scope: { tenants: [`t${version % 5}`, `u${round}`], environments: '*', workflows: '*' },
        })
        const node = oneOf(version + round)
        return [
          () => node.put(next, version === 0 ? undefined : version, newEntry(next)),
          () =>
            node.recordUse(
              ids.map((keyId) => ({ keyId, secretId: `s${version % 3}`, usedAt: version + 1 })),
            ),
          ...(version % 4 === 3 ? [() => node.delete(id, version + 1, undefined)] : []),
        ]
      }).flat(),
    )
    await Promise.all(shuffled(steps).map((step) => step()))
    await nodes.expectAgreement(ids)
    for (const id of ids) {
      const left = await store.get(id)
      if (left !== undefined) await store.delete(id, left.version, undefined)
    }
    await nodes.expectAgreement(ids)
  }
})

test('batches of uses in opposite orders, beside writers and deletions, lose no use', async () => {
  const keys = Array.from({ length: 30 }, () => newKey())
  await Promise.all(keys.map((key) => store.put(key, undefined, undefined)))
  const uses = (at: number) =>
    keys.flatMap(({ id }) =>
      ['a', 'B', 'ä'].map((secretId) => ({ keyId: id, secretId, usedAt: at })),
    )
  for (let round = 1; round <= BATCHES; round++) {
    const doomed = newKey()
    await store.put(doomed, undefined, undefined)
    const batch = [...uses(round), { keyId: doomed.id, secretId: 's', usedAt: 1 }]
    await Promise.all([
      oneOf(0).recordUse(batch),
      oneOf(1).recordUse([...batch].reverse()),
      oneOf(2).recordUse(shuffled(batch)),
      oneOf(3).delete(doomed.id, doomed.version, undefined),
    ])
  }
  for (const { id } of keys)
    expect(await store.get(id)).toMatchObject({
      lastUsedAt: { a: BATCHES, B: BATCHES, ä: BATCHES },
    })
  expect(
    await nodes.ask(
      'select count(*) from twinkey_uses where key_id not in (select id from twinkey_keys)',
    ),
  ).toEqual([[0]])
})

test('nodes that forget at once forget each entry once, and the index with it', async () => {
  await nodes.ask("insert into twinkey_history select concat('e', seq), '{}' from seq_1_to_3500")
  for (const label of ['entry', 'no-owner'])
    await nodes.ask(
      `insert into twinkey_history_by_label select '${label}', -9 + cast(seq % 5 as signed), concat('e', seq) from seq_1_to_3500`,
    )
  const counts = await Promise.all(
    nodes.stores.map(async (node) => {
      const counts: number[] = []
      for (let count = 1; count > 0; counts.push(count)) count = await node.forgetHistory(-5)
      return counts
    }),
  )
  expect(counts.flat().reduce((a, b) => a + b)).toBe(2800)
  expect(Math.max(...counts.flat())).toBeLessThanOrEqual(1000)
  expect(
    await nodes.ask("select count(*) from twinkey_history where id regexp '^e[0-9]{1,4}$'"),
  ).toEqual([[700]])
  expect(await nodes.ask('select distinct at from twinkey_history_by_label where at < 0')).toEqual([
    [-5],
  ])
  expect(await store.forgetHistory(-5)).toBe(0)
})

test('a key that has had very many secrets forgets the uses of those that it no longer has', async () => {
  const key = newKey()
  await store.put(key, undefined, undefined)
  const old = Array.from({ length: 100 }, (_, i) => ({
    keyId: key.id,
    secretId: `old-${i}`,
    usedAt: 5,
  }))
  await store.recordUse([...old, { keyId: key.id, secretId: key.primary.id, usedAt: 7 }])
  expect(await store.put({ ...key, version: key.version + 1 }, key.version, undefined)).toBe(
    'stored',
  )
  expect(await store.get(key.id)).toMatchObject({ lastUsedAt: { [key.primary.id]: 7 } })
  expect(await nodes.ask(`select count(*) from twinkey_uses where key_id = '${key.id}'`)).toEqual([
    [1],
  ])
})
