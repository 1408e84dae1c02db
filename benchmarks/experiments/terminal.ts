import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createClient } from '@libsql/client'
import { createTwinkey, generateSigningKey, type Keys } from 'twinkey'
import { memoryLimiter } from 'twinkey/limits'
import { sqliteStore } from 'twinkey/stores/sqlite'
import { startBrowser } from '../../test/support/browser.ts'
import { createClock } from '../../test/support/clock.ts'
import type { Figure } from './figure.ts'
import { terminalWindow } from './terminal-window.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const PICTURES = join(ROOT, 'docs/screenshots')
const COLUMNS = 110
const HOUR = 3_600_000
const DAY = 24 * HOUR
const PEPPER = new Uint8Array(32).fill(1)

/** Takes the pictures of the command line in the documentation. */
export const figure: Figure = {
  name: 'terminal',
  title: 'pictures of the command line, written to docs/screenshots',
  async run() {
    const folder = mkdtempSync(join(tmpdir(), 'twinkey-terminal-'))
    const browser = await startBrowser()
    const taken: string[] = []
    try {
      await makeProject(folder)
      for (const [name, words] of [
        ['cli-list', 'keys list'],
        ['cli-doctor', 'doctor'],
        ['cli-help', '--help'],
      ] as const) {
        const output = onTerminal(folder, words)
        if (!output.includes('\u001b[')) throw new Error(`The output of ${words} has no colours.`)
        const page = await browser.newPage({ deviceScaleFactor: 1.5 })
        await page.setContent(await terminalWindow(`npx twinkey ${words}`, output))
        await page.evaluate('document.fonts.ready')
        const path = join(PICTURES, `${name}.png`)
        await page.locator('.window').screenshot({ path, omitBackground: true })
        await page.close()
        taken.push(name)
      }
    } finally {
      await browser.close()
      rmSync(folder, { recursive: true })
    }
    return { ok: taken.length === 3, taken }
  },
}

/** Runs the built command in a pseudo-terminal, so that it writes colours. */
function onTerminal(folder: string, words: string): string {
  const { NODE_OPTIONS: _options, NO_COLOR: _noColor, ...env } = process.env
  const line = `stty cols ${COLUMNS} rows 50 && '${process.execPath}' '${join(ROOT, 'dist/cli.js')}' ${words} || true`
  const output = execFileSync('script', ['-qec', line, '/dev/null'], {
    cwd: folder,
    env: { ...env, TERM: 'xterm-256color' },
    input: '',
    encoding: 'utf8',
  })
  return output.replaceAll('\r\n', '\n')
}

/** A project with keys of different ages and states, whose deployment is not yet in order. */
async function makeProject(folder: string): Promise<void> {
  mkdirSync(join(folder, 'node_modules/@libsql'), { recursive: true })
  symlinkSync(ROOT, join(folder, 'node_modules/twinkey'), 'junction')
  const libsql = '@libsql/client'
  symlinkSync(join(ROOT, 'node_modules', libsql), join(folder, 'node_modules', libsql), 'junction')
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  const client = createClient({ url: `file:${join(folder, 'keys.db')}` })
  const store = sqliteStore(client)
  await store.migrate()
  const now = Date.now()
  const clock = createClock(now - 200 * DAY)
  const twinkey = createTwinkey({
    store,
    prefixes: ['acme'],
    limiter: memoryLimiter(),
    pepper: { current: '2026', keys: { '2026': PEPPER } },
    now: clock.now,
  })
  await fill(
    twinkey.keys,
    () => twinkey.flush(),
    (before) => clock.advance(now - before - clock.now()),
  )
  await twinkey.close()
  client.close()
  const jwk = { ...(await generateSigningKey()), iat: Math.floor((now - 40 * DAY) / 1000) }
  writeFileSync(
    join(folder, 'twinkey.config.js'),
    `
import { createClient } from '@libsql/client'
import { createTwinkey } from 'twinkey'
import { sqliteStore } from 'twinkey/stores/sqlite'

const issuer = 'https://api.acme.example'
export const twinkey = createTwinkey({
  store: sqliteStore(createClient({ url: 'file:keys.db' })),
  prefixes: ['acme'],
  pepper: { current: '2026', keys: { '2026': new Uint8Array(${JSON.stringify([...PEPPER])}) } },
  tokens: { issuer, audience: issuer, signingKeys: [${JSON.stringify(jwk)}] },
  onEvent: () => {},
})
`,
  )
}

async function fill(
  keys: Keys,
  flush: () => Promise<void> | undefined,
  at: (before: number) => void,
): Promise<void> {
  const ada = keys.within({ actor: 'Ada Lovelace' })
  const make = (
    name: string,
    owner: string | null,
    tenants: '*' | string[],
    workflow: string,
    more: object = {},
  ) =>
    ada.create({
      name,
      owner,
      scope: { tenants, workflows: workflow === '*' ? '*' : [workflow] },
      ...more,
    })
  const use = async (secret: string, before: number) => {
    at(before)
    await keys.verify(secret, { networks: 'not checked here' })
    await flush()
  }
  at(118 * DAY)
  const zapier = await make('Zapier', 'grace', ['acme', 'globex'], '*')
  const support = await make('Support desk', null, '*', 'customers.read')
  at(60 * DAY)
  await make('Partner sandbox', 'edsger', ['globex'], 'customers.read', {
    expiresAt: Date.now() - 2 * DAY,
  })
  const nightly = await make('Nightly import', 'ada', ['acme'], 'flows.run', {
    expiresAt: Date.now() + 6 * DAY + HOUR,
  })
  await use(zapier.primary, 50 * DAY)
  at(39 * DAY)
  const warehouse = await make('Data warehouse', 'ada', ['acme'], 'flows.read')
  const trial = await make('Trial', 'edsger', ['initech'], 'customers.read')
  at(20 * DAY)
  const billing = await make('Billing export', 'ada', ['acme'], 'customers.read', {
    expiresAt: Date.now() + 83 * DAY + HOUR,
    limits: [{ requests: 1000, perSeconds: 60 }],
  })
  await ada.disable(zapier.key.id)
  await ada.revoke(trial.key.id)
  await use(support.primary, 3 * DAY)
  await use(nightly.primary, 8 * HOUR)
  await use(warehouse.primary, 3 * HOUR)
  await use(billing.primary, 4 * 60_000)
  at(0)
}
