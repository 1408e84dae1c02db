import type { StoredKey } from '../../core/store/store.ts'
import type { Tables } from './migrations.ts'

/**
 * The statements of the store on these tables. Each returns rows, because better-sqlite3 needs
 * another method for those that do not.
 */
export function sqliteStatements({ keys, labels, uses, migrations }: Tables) {
  const found = `k.record, (select json_group_object(u.secret_id, u.used_at) from ${uses} u where u.key_id = k.id)`
  return {
    isTaken: `select 1 from ${migrations} where version = ?`,
    get: `select ${found} from ${keys} k where k.id = ?`,
    version: `select version from ${keys} where id = ?`,
    create: `insert into ${keys} (version, record, labels, id) values (?, ?, ?, ?) on conflict do nothing returning 1`,
    update: `update ${keys} set version = ?, record = ?, labels = ? where id = ? and version = ? returning 1`,
    delete: `delete from ${keys} where id = ? and version = ? returning 1`,
    // SQLite runs a cross join in the written order: from the first label to the keys.
    list: (others: number) =>
      `select ${found}, k.id from ${labels} l cross join ${keys} k on k.id = l.key_id where l.label = ? and l.key_id > ?${` and exists (select 1 from ${labels} o where o.label = ? and o.key_id = l.key_id)`.repeat(others)} order by l.key_id limit ?`,
    // One statement for the whole batch. Without `where true`, SQLite would parse `on conflict` as
    // part of the join.
    recordUse: `insert into ${uses} select k.id, e.value ->> 'secretId', e.value ->> 'usedAt' from json_each(?) e cross join ${keys} k on k.id = e.value ->> 'keyId' where true on conflict do update set used_at = excluded.used_at where excluded.used_at > used_at returning 1`,
  }
}

/** Parses a row. Returns a text that is not JSON unchanged: the core reports it as malformed. */
export function parseRow([text, uses]: readonly unknown[]): StoredKey {
  try {
    const record = JSON.parse(text as string) as StoredKey | null
    return record?.kind === 'key'
      ? { ...record, lastUsedAt: JSON.parse(uses as string) }
      : (record as StoredKey)
  } catch {
    return text as StoredKey
  }
}
