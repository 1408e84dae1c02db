import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { nodeWithSqlite } from '../support/other-node.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const CONFIG = `
  import { DatabaseSync } from 'node:sqlite'
  import { createTwinkey, type Twinkey } from 'twinkey'
  import { sqliteStore } from 'twinkey/stores/sqlite'
  const store = sqliteStore(new DatabaseSync('keys.db'))
  export const twinkey: Twinkey = createTwinkey({ store })
`

test('a Node that removes types reads twinkey.config.ts without tsx', () => {
  const folder = mkdtempSync(join(tmpdir(), 'twinkey-cli-types-'))
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(root, join(folder, 'node_modules/twinkey'), 'junction')
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(folder, 'twinkey.config.ts'), CONFIG)
  const { NODE_OPTIONS: _options, ...env } = process.env
  for (const words of [['migrate'], ['keys', 'list', '--json']]) {
    const { status, stderr } = spawnSync(nodeWithSqlite(), [join(root, 'dist/cli.js'), ...words], {
      cwd: folder,
      env,
      encoding: 'utf8',
      timeout: 30_000,
    })
    // Node 22 warns that node:sqlite is experimental.
    expect({ status, isError: stderr.includes('Error:') }).toEqual({ status: 0, isError: false })
  }
  rmSync(folder, { recursive: true })
})
