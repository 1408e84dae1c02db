import { generateKeyPairSync } from 'node:crypto'
import { setTimeout as later } from 'node:timers/promises'
import { createTwinkey } from 'twinkey'
import { postgresStore } from 'twinkey/stores/postgres'
import { afterAll, expect, test } from 'vitest'
import { blockWith, createGuideRunner } from '../support/guide.ts'
import { createPool, startPostgres } from '../support/postgres.ts'

const runner = createGuideRunner()
afterAll(() => {
  runner.stop()
  runner.remove()
})

const LISTENING = "console.log('Listening on http://localhost:' + process.env['PORT'])"

test('the program for production creates its tables, and ends by a signal without losing a last use', async () => {
  const postgres = await startPostgres()
  const pool = createPool(postgres.url)
  try {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const jwk = { ...privateKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256' }
    const production = blockWith('nestjs', 'enableShutdownHooks')
      .replace(/^ *await app\.listen.*$/m, `$&\n  ${LISTENING}`)
      .replace("process.env['DATABASE_URL']", JSON.stringify(postgres.url))
      .replace("process.env['SIGNING_KEYS'] ?? ''", `'${JSON.stringify([jwk])}'`)
    const { url, process: program } = await runner.run(production)
    const ended = new Promise((exited) =>
      program.once('exit', (code, signal) => exited(code ?? signal)),
    )
    const twinkey = createTwinkey({ store: postgresStore(pool), environments: ['production'] })
    const { key, primary } = await twinkey.keys.create({
      name: 'Ada',
      scope: { tenants: ['t1'], workflows: ['customers.read'] },
    })
    const ask = (secret: string) =>
      fetch(`${url}/customers`, { headers: { authorization: `Bearer ${secret}` } })
    expect(await (await ask(primary)).json()).toEqual({ tenant: 't1' })
    expect((await ask('acme_wrong')).status).toBe(401)
    program.kill('SIGTERM')
    expect(await Promise.race([ended, later(8000, 'still runs')])).toBe('SIGTERM')
    expect((await twinkey.keys.get(key.id))?.lastUsedAt).toBeGreaterThan(0)
    await twinkey.close()
  } finally {
    await pool.end()
    await postgres.stop()
  }
})
