import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startPostgres } from '../../test/support/postgres.ts'
import { secretIn, startSession, until } from './cli-session.ts'
import type { Figure, Progress } from './figure.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const OPTIONS = "store, prefixes: ['acme'], environments: ['production']"
// The status of a call with no secret, and with each secret at its time.
const EXPECTED = { none: 401, before: 200, old: 200, next: 200, ended: 401, last: 200 }

/**
 * Plays the session of the guide: from an empty folder to an API with a rotated key. Installs the
 * packed package, and the other packages from the registry.
 */
export const figure: Figure = {
  name: 'cli',
  title: 'seconds from an empty folder to an API with a rotated key, on SQLite and PostgreSQL',
  async run({ quick, progress }) {
    const folder = mkdtempSync(join(tmpdir(), 'twinkey-packed-'))
    try {
      const tarball = pack(folder)
      const rows = [await onSqlite(tarball, progress)]
      if (!quick) rows.push(await onPostgres(tarball, progress))
      const isExpected = ({ statuses }: (typeof rows)[number]) =>
        JSON.stringify(statuses) === JSON.stringify(EXPECTED)
      return { ok: rows.every(isExpected), rows }
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
}

function pack(folder: string): string {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder]
  const [{ filename }] = JSON.parse(execFileSync('npm', args, { cwd: ROOT, encoding: 'utf8' }))
  return join(folder, filename)
}

function onSqlite(tarball: string, progress: Progress) {
  const config = `
import { createClient } from '@libsql/client'
import { createTwinkey } from 'twinkey'
import { sqliteStore } from 'twinkey/stores/sqlite'

const store = sqliteStore(createClient({ url: 'file:keys.db' }))
export const twinkey = createTwinkey({ ${OPTIONS} })
`
  return play(
    'sqlite',
    config,
    `${tarball} ${versions('express', 'tsx', '@libsql/client')}`,
    progress,
  )
}

async function onPostgres(tarball: string, progress: Progress) {
  const server = await startPostgres({ config: { fsync: 'on' } })
  const config = `
import pg from 'pg'
import { createTwinkey } from 'twinkey'
import { postgresStore } from 'twinkey/stores/postgres'

const connectionString = '${server.url}'
const pool = new pg.Pool({ connectionString }).on('error', () => {})
const store = postgresStore(pool, { listen: () => new pg.Client({ connectionString }) })
export const twinkey = createTwinkey({ ${OPTIONS} })
`
  try {
    return await play(
      'postgres',
      config,
      `${tarball} ${versions('express', 'tsx', 'pg')}`,
      progress,
    )
  } finally {
    await server.stop()
  }
}

async function play(store: string, config: string, packages: string, progress: Progress) {
  const session = startSession(config, progress)
  const seconds: Record<string, number> = {}
  const step = async <T>(name: string, run: () => Promise<T>): Promise<T> => {
    const began = performance.now()
    const result = await run()
    seconds[name] = Math.round((performance.now() - began) / 100) / 10
    return result
  }
  const began = performance.now()
  try {
    await step('install', () => session.type(`npm install --no-audit --no-fund ${packages}`))
    await step('migrate', () => session.type('npx twinkey migrate'))
    const create = 'npx twinkey keys create --name Billing --tenant t1 --workflow customers.read'
    const created = await step('create', () => session.type(`${create} --no-secondary`))
    const old = secretIn(created)
    const id = old.slice('acme_'.length, 'acme_'.length + 16)
    const call = await step('serve', () => session.serve())
    const [none, before] = [await call(), await call(old)]
    const rotated = await step('rotate', () =>
      session.type(`npx twinkey keys rotate ${id} --grace 7d`),
    )
    const next = secretIn(rotated)
    const both = { old: await call(old), next: await call(next) }
    await step('end', async () => {
      await session.type(`npx twinkey keys end-secondary ${id} --yes`)
      await until(async () => (await call(old)) === 401, 'The old secret does not end.')
    })
    const after = { ended: await call(old), last: await call(next) }
    await session.type('npx twinkey history')
    const total = Math.round((performance.now() - began) / 100) / 10
    return { store, seconds: { ...seconds, total }, statuses: { none, before, ...both, ...after } }
  } finally {
    session.end()
  }
}

// The versions that the tests of this project run with.
function versions(...names: readonly string[]): string {
  const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  return names.map((name) => `${name}@${devDependencies[name]}`).join(' ')
}
