import { fileURLToPath } from 'node:url'
import { createClient } from '@libsql/client'
import { d1Store } from 'twinkey/stores/d1'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bundleWorker } from '../../examples/worker/bundle.ts'
import { type Miniflare, startMiniflare } from '../../examples/worker/miniflare.ts'
import { largeContract, smallContract } from '../support/contract.ts'
import { d1Over } from '../support/d1.ts'

describe('the store on workerd, over D1 as workerd runs it,', () => {
  let miniflare: Miniflare

  beforeAll(async () => {
    miniflare = startMiniflare({
      modules: true,
      script: await bundleWorker(fileURLToPath(new URL('d1-worker.ts', import.meta.url))),
      compatibilityDate: '2026-03-01',
      d1Databases: { DB: 'keys' },
    })
  })
  afterAll(() => miniflare?.dispose())

  const errorOf = async (name: string) =>
    (await fetch(await miniflare.ready, { method: 'POST', body: name })).text()

  test.each(smallContract)('$name', async ({ name }) => {
    expect(await errorOf(name)).toBe('')
  })

  test('reports a case that fails', async () => {
    expect(await errorOf('nothing')).toContain('There is no such case.')
  })
})

// On workerd, these take more than a minute.
describe('the store over libSQL in place of D1', () => {
  const client = createClient({ url: ':memory:' })
  const store = d1Store(d1Over(client))
  beforeAll(() => store.migrate())
  afterAll(() => client.close())

  test.each(largeContract)('$name', ({ run }) => run(async () => store))
})
