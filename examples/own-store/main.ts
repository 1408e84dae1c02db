// A store of your own over LMDB, under a small API: npm run example own-store
//
// Manages keys in one process while another one serves. Stops, kills and restarts the server. The
// test of the store contract is own-store/contract.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTwinkey, generateSigningKey } from 'twinkey'
import { call, part, show, soon } from '../call.ts'
import { runProgram, startProgram } from '../program.ts'
import { lmdbStore } from './lmdb-store.ts'

const folder = mkdtempSync(join(tmpdir(), 'notes-'))
const env = { NOTES: folder, SIGNING_KEY: JSON.stringify(await generateSigningKey()) }
let server = await startProgram('own-store/server', env)

// The operator's process: it manages keys and serves no requests.
const store = lmdbStore(folder)
const { keys, close } = createTwinkey({ store, prefixes: ['notes'], environments: ['production'] })

const read = (tenant: string, credential: string) =>
  call(`${server.url}/notes/${tenant}`, { credential })
const write = (tenant: string, credential: string) =>
  call(`${server.url}/notes/${tenant}`, { method: 'POST', credential, body: ['sell milk'] })
const exchange = (credential: string) =>
  call<{ access_token: string }>(`${server.url}/tokens`, { method: 'POST', credential })

try {
  part('A key created by another process')
  const scope = { tenants: ['ada'], workflows: ['notes.read'] }
  const { key, primary, secondary } = await keys.create({ name: 'Phone of Ada', scope })
  await show('Ada reads her notes', read('ada', primary))
  await show('Ada reads the notes of Bob', read('bob', primary))
  await show('Ada writes', write('ada', primary))
  await keys.update(key.id, { scope: { workflows: ['notes.read', 'notes.write'] } })
  await show(
    'Ada writes with the new scope',
    soon(204, () => write('ada', primary)),
  )

  part('A renewed secret')
  const { secondary: secret } = await keys.renew(key.id, { slots: 'secondary' })
  await show('the new secondary, at once', read('ada', secret))
  await show('the primary', read('ada', primary))
  await show(
    'the old secondary, a moment later',
    soon(401, () => read('ada', secondary ?? '')),
  )
  const { access_token: token } = await show('a token', exchange(secret))

  part('Stopped and restarted')
  await server.stop()
  server = await startProgram('own-store/server', env)
  for (const [what, credential] of Object.entries({ primary, secondary: secret, token }))
    await show(`the ${what}`, read('ada', credential))
  const [listed] = (await keys.list({ tenant: 'ada' })).keys
  const used = [listed?.primary, listed?.secondary].filter((slot) => slot?.lastUsedAt)
  console.log(`  ${used.length} of 2 secrets show their last use`)

  part('Killed and restarted')
  await keys.disable(key.id)
  await server.stop('SIGKILL')
  const another = runProgram('own-store/crash', env)
  server = await startProgram('own-store/server', env)
  await show('a key whose process was killed right after creating it', read('ada', another))
  const [newest] = (await keys.list({ tenant: 'ada', name: 'Tablet of Ada' })).keys
  const { entries } = await keys.history({ keyId: newest?.id })
  console.log(`  its history: ${entries.map(({ type }) => type).join(', ')}`)
  for (const [what, credential] of Object.entries({ primary, secondary: secret, token })) {
    await show(`the ${what} of a key disabled just before`, read('ada', credential))
  }
} finally {
  await server.stop()
  await close()
  await store.close()
  rmSync(folder, { recursive: true })
}
