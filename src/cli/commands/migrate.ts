import type { KeyStore } from '../../index.ts'
import type { Call, Command } from '../command.ts'
import { writeJson } from '../show.ts'
import { usageError } from '../usage-error.ts'

/** The members that stores with tables have. */
interface Migrating {
  migrate?(): Promise<void>
  readonly migrations?: readonly {
    readonly version: number
    readonly name: string
    readonly sql: string
  }[]
}

/** Creates or updates the tables of the store. */
export const MIGRATE: Command = {
  words: 'migrate',
  summary: 'Creates or updates the tables of the store',
  flags: [{ name: 'print', help: 'Print the SQL instead, for another migration tool' }],
  examples: ['twinkey migrate', 'twinkey migrate --print > twinkey.sql'],
  writes: true,
  async run(call) {
    const store: KeyStore & Migrating = (await call.twinkey()).settings().store
    if (call.given.has('print')) return print(call, store)
    if (typeof store.migrate !== 'function')
      throw usageError('The store has no `migrate()`, so there is nothing to do.')
    await store.migrate()
    if (call.isJson) writeJson(call, { migrated: true })
    else call.io.out.write('The store has everything that this version of Twinkey needs.\n')
    return undefined
  },
}

async function print(call: Call, { migrations }: Migrating): Promise<undefined> {
  if (migrations === undefined)
    throw usageError('The store has no SQL to print. Run `twinkey migrate` without --print.')
  if (call.isJson) writeJson(call, { migrations })
  else
    for (const { version, name, sql } of migrations)
      call.io.out.write(`-- ${version}: ${name}\n${sql}\n`)
  return undefined
}
