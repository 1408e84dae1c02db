// Creates a key, prints its secret and kills itself. The acknowledged key must
// survive, together with its entry in the history.
import { writeSync } from 'node:fs'
import { createTwinkey } from 'twinkey'
import { lmdbStore } from './lmdb-store.ts'

const { NOTES = 'notes' } = process.env
const { keys } = createTwinkey({
  store: lmdbStore(NOTES),
  prefixes: ['notes'],
  environments: ['production'],
})
const { primary } = await keys.create({
  name: 'Tablet of Ada',
  scope: { tenants: ['ada'], workflows: ['notes.read'] },
})
writeSync(1, `${primary}\n`)
process.kill(process.pid, 'SIGKILL')
