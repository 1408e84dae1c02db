import type { Sql } from 'postgres'
import type { Twinkey } from 'twinkey'
import type { PostgresStore } from 'twinkey/stores/postgres'
import { afterAll, beforeAll, describe, test } from 'vitest'
import type { Contract } from '../support/contract.ts'
import { blockWith, createGuideRunner } from '../support/guide.ts'
import { type PostgresServer, startPostgres } from '../support/postgres.ts'

const { load, remove } = createGuideRunner()

/** A process that runs the code of docs/stores.md. */
export interface PostgresJsNode {
  readonly sql: Sql
  readonly twinkey: Twinkey
  readonly store: PostgresStore
}

/** What the tests of a file share. It is there when they run. */
export interface PostgresJsScene {
  server: PostgresServer
  nodes: readonly [PostgresJsNode, PostgresJsNode]
}

export async function loadNode(url: string): Promise<PostgresJsNode> {
  process.env['DATABASE_URL'] = url
  const { sql, twinkey } = await load<{ sql: Sql; twinkey: Twinkey }>(
    blockWith('stores', "from 'postgres'"),
  ).finally(() => delete process.env['DATABASE_URL'])
  return { sql, twinkey, store: twinkey.settings().store as PostgresStore }
}

/** Starts two nodes and their server, and stops them after all tests of the file. */
export function startPostgresJs(): PostgresJsScene {
  const scene = {} as PostgresJsScene
  beforeAll(async () => {
    scene.server = await startPostgres({ config: { synchronous_commit: 'off' } })
    scene.nodes = [await loadNode(scene.server.url), await loadNode(scene.server.url)]
  })
  afterAll(async () => {
    await Promise.all(scene.nodes.map(({ twinkey }) => twinkey.close()))
    await Promise.all(scene.nodes.map(({ sql }) => sql.end()))
    await scene.server.stop()
    remove()
  })
  return scene
}

/** A contract of the store, on two nodes. */
export function describePostgresJs(contract: Contract): void {
  const scene = startPostgresJs()
  describe('the store over postgres.js, with the code of docs/stores.md', () => {
    let opened = 0
    test.each(contract)('$name', ({ run }) =>
      run(async () => scene.nodes[opened++ % 2]?.store as PostgresStore),
    )
  })
}
