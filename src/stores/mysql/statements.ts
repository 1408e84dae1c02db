import type { ListQuery, Position, SecretUse } from '../../core/store/store.ts'
import { bytes, characters, integer } from './client.ts'
import type { Names } from './migrations.ts'

type Index = 'key' | 'entry'

/** A row of an index without its id: a label, and a time. */
export interface Place {
  readonly label: string
  readonly at: number
}

const MAX_FORGOTTEN = 1000

/** The statements of the store on these tables. All values are literals. */
export function mysqlStatements({ keys, keysByLabel, uses, history, historyByLabel }: Names) {
  const list = (values: readonly string[]) => values.map(bytes).join(', ')
  const of = (index: Index) =>
    index === 'key'
      ? { table: keysByLabel, id: 'key_id' }
      : { table: historyByLabel, id: 'entry_id' }
  const row = (id: string, { label, at }: Place) =>
    `(${bytes(label)}, ${integer(at)}, ${bytes(id)})`

  // One page of an index, as a range of its primary key for each part of the condition.
  const page = (
    index: Index,
    label: string,
    sort: ListQuery['sort'],
    after: Position,
    count: number,
  ) => {
    const { table, id } = of(index)
    const [compare, order] = sort === 'newest' ? ['<', 'desc'] : ['>', 'asc']
    const at = integer(after.at)
    return `(select \`at\`, ${id} as id from ${table} where label = ${bytes(label)} and (\`at\` ${compare} ${at} or (\`at\` = ${at} and ${id} ${compare} ${bytes(after.id)})) order by \`at\` ${order}, ${id} ${order} limit ${integer(count)}) p`
  }
  return {
    // The record, and a row for each use. One statement, so that both are of the same moment.
    get: (id: string) =>
      `select cast(record as binary), null, null from ${keys} where id = ${bytes(id)} union all select null, secret_id, used_at from ${uses} where key_id = ${bytes(id)}`,
    lock: (id: string) => `select version from ${keys} where id = ${bytes(id)} for update`,
    create: (id: string, version: number, record: string) =>
      `insert into ${keys} (id, version, record) values (${bytes(id)}, ${integer(version)}, ${characters(record)})`,
    update: (id: string, version: number, record: string) =>
      `update ${keys} set version = ${integer(version)}, record = ${characters(record)} where id = ${bytes(id)}`,
    delete: (id: string) => `delete from ${keys} where id = ${bytes(id)}`,
    // The places of a key in the index, and a row without a label that counts its uses.
    places: (id: string) =>
      `select label, \`at\` from ${keysByLabel} where key_id = ${bytes(id)} union all select null, count(*) from ${uses} where key_id = ${bytes(id)}`,
    addPlaces: (index: Index, id: string, places: readonly Place[]) =>
      `insert into ${of(index).table} (label, \`at\`, ${of(index).id}) values ${places.map((place) => row(id, place)).join(', ')}`,
    // By the primary key, which locks these rows and no others. A list of rows would scan the table.
    removePlaces: (id: string, places: readonly Place[]) =>
      `delete from ${keysByLabel} where ${places.map(({ label, at }) => `(label = ${bytes(label)} and \`at\` = ${integer(at)} and key_id = ${bytes(id)})`).join(' or ')}`,
    removeUses: (id: string, secretIds: readonly string[]) =>
      `delete from ${uses} where key_id = ${bytes(id)} and secret_id not in (${list(secretIds)})`,
    enter: (id: string, entry: string) =>
      `insert into ${history} (id, entry) values (${bytes(id)}, ${characters(entry)})`,
    list: (label: string, sort: ListQuery['sort'], after: Position, count: number) => {
      const found = page('key', label, sort, after, count)
      return `select p.\`at\`, p.id, cast(k.record as binary), null, null from ${found} left join ${keys} k on k.id = p.id union all select p.\`at\`, p.id, null, u.secret_id, u.used_at from ${found} join ${uses} u on u.key_id = p.id`
    },
    history: (label: string, sort: ListQuery['sort'], after: Position, count: number) =>
      `select p.\`at\`, p.id, cast(h.entry as binary) from ${page('entry', label, sort, after, count)} left join ${history} h on h.id = p.id`,
    // Every entry has the label 'entry'. Two calls at the same time delete different entries.
    oldest: (before: number) =>
      `select entry_id from ${historyByLabel} where label = ${bytes('entry')} and \`at\` < ${integer(before)} order by \`at\`, entry_id limit ${MAX_FORGOTTEN} for update skip locked`,
    forget: (ids: readonly string[]) => `delete from ${history} where id in (${list(ids)})`,
    // In the order of the keys, which is the order of their locks.
    recordUse: (batch: readonly SecretUse[]) => {
      const values = batch.map(
        ({ keyId, secretId, usedAt }, i) =>
          `select ${bytes(keyId)}${i ? '' : ' as key_id'}, ${bytes(secretId)}${i ? '' : ' as secret_id'}, ${integer(usedAt)}${i ? '' : ' as used_at'}`,
      )
      return `insert into ${uses} (key_id, secret_id, used_at) select k.id, v.secret_id, v.used_at from (${values.join(' union all ')}) v join ${keys} k on k.id = v.key_id order by k.id, v.secret_id on duplicate key update used_at = greatest(${uses}.used_at, v.used_at)`
    },
  }
}

export type Statements = ReturnType<typeof mysqlStatements>
