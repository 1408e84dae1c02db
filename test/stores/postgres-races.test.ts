import type { KeyRecord } from 'twinkey/store'
import { type PostgresStore, postgresStore } from 'twinkey/stores/postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newId, newKey } from '../../src/testing/sample.ts'
import { createPool } from '../support/postgres.ts'
import { rounds } from '../support/rounds.ts'
import { type Nodes, onTenants, openPipelines, shuffled, startNodes } from './postgres-nodes.ts'

const WRITERS = 20
const ROUNDS = rounds(50)
const MIXED_ROUNDS = rounds(10)
const BATCHES = rounds(200)
const SERIALIZABLE = '-c%20default_transaction_isolation=serializable'

let nodes: Nodes
let store: PostgresStore

beforeAll(async () => {
  nodes = await startNodes(4)
  store = nodes.stores[0]
})
afterAll(() => nodes.end())

const oneOf = (i: number) => nodes.stores[i % nodes.stores.length] as PostgresStore

test(`of ${WRITERS} writers exactly one wins, in each of ${ROUNDS} rounds over four pools, and the labels are its own`, async () => {
  let key = newKey()
  for (let round = 0; round < ROUNDS; round++) {
    const expected = round === 0 ? undefined : key.version
    const writers = Array.from({ length: WRITERS }, (_, i) =>
      onTenants(key, 1 + i, `t${round}-${i}`, `shared-${i % 3}`),
    )
    const outcomes = await Promise.all(
      writers.map((next, i) => oneOf(i).put(next, expected, undefined)),
    )
    expect(outcomes.filter((outcome) => outcome === 'stored')).toHaveLength(1)
    expect(outcomes.filter((outcome) => outcome === 'conflict')).toHaveLength(WRITERS - 1)
    key = writers[outcomes.indexOf('stored')] as KeyRecord
    expect(await store.get(key.id)).toEqual(key)
    await nodes.expectAgreement([key.id])
  }
})

test.each([
  ['four pools', (url: string) => [1, 2, 3, 4].map(() => createPool(url))],
  ['connections that send without waiting', openPipelines],
  [
    'pools whose transactions are serializable',
    (url: string) => [1, 2, 3, 4].map(() => createPool(`${url}?options=${SERIALIZABLE}`)),
  ],
])(
  'creations, changes, deletions and uses all at once leave tables that agree, over %s',
  async (_name, open) => {
    const clients = await open(nodes.server.url)
    const opened = clients.map((client) => postgresStore(client))
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
          const node = opened[(version + round) % opened.length] as PostgresStore
          return [
            () => node.put(next, version === 0 ? undefined : version, undefined),
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
    await Promise.all(clients.map((client) => client.end()))
  },
)

test('batches of uses in opposite orders never deadlock, beside writers and deletions', async () => {
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
  expect(nodes.errors).toEqual([])
  for (const { id } of keys)
    expect(await store.get(id)).toMatchObject({
      lastUsedAt: { a: BATCHES, B: BATCHES, ä: BATCHES },
    })
  expect(
    await nodes.ask(
      'select count(*)::int from twinkey_uses u where not exists (select from twinkey_keys k where k.id = u.key_id)',
    ),
  ).toEqual([[0]])
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
  expect(
    await nodes.ask('select count(*)::int from twinkey_uses where key_id = $1', key.id),
  ).toEqual([[1]])
})
