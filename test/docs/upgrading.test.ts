import { readFileSync } from 'node:fs'
import { createTwinkey } from 'twinkey'
import { d1Migrations } from 'twinkey/stores/d1'
import { memoryStore } from 'twinkey/stores/memory'
import { mysqlMigrations } from 'twinkey/stores/mysql'
import { expect, test } from 'vitest'
import { type KeyRecord, RECORD_FORMAT } from '../../src/core/model/api-key.ts'
import { OLD_KEYS_STEP } from '../../src/stores/postgres/migrations.ts'
import { INDEXED } from '../../src/stores/sqlite/migrations.ts'
import { readGuide } from '../support/guide.ts'

test('the last row of the table has this version, its record format and its migrations', () => {
  const [, section = ''] = readGuide('upgrading').split('\n## Formats and migrations\n')
  const [table = ''] = section
    .split('\n\n')
    .filter((block) => block.trimStart().startsWith('| version |'))
  const rows = table
    .trim()
    .split('\n')
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    )
  const { version } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  )
  expect(rows.at(-1)?.slice(0, 6)).toEqual([
    version,
    String(RECORD_FORMAT),
    `1 to ${OLD_KEYS_STEP.version}`,
    String(mysqlMigrations().at(-1)?.version),
    `1 to ${INDEXED}`,
    String(d1Migrations().at(-1)?.version),
  ])
})

test.each(['limits', 'networks'])(
  'a record of format 2 without %s is refused as store_malformed, and is not changed',
  async (member) => {
    const store = memoryStore()
    const twinkey = createTwinkey({ store })
    const scope = { tenants: ['t1'], workflows: '*' } as const
    const { key } = await twinkey.keys.create({ name: 'Old', scope })
    const { [member as 'limits']: _, ...rest } = (await store.get(key.id)) as KeyRecord
    const old = { ...rest, version: rest.version + 1 } as KeyRecord
    expect(await store.put(old, rest.version, undefined)).toBe('stored')
    for (const call of [twinkey.keys.get(key.id), twinkey.keys.disable(key.id)])
      await expect(call).rejects.toMatchObject({ code: 'store_malformed' })
    expect(await store.get(key.id)).toEqual(old)
  },
)
