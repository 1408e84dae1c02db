import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Backend, openStore, startBackend } from '../../benchmarks/experiments/backend.ts'
import { rounds } from '../support/rounds.ts'
import { keyringModel } from './keyring-model.ts'

// The keyring against its model, over databases. A change takes as long to report as the database
// needs.
describe.each([
  ['postgres', rounds(30)],
  ['mysql', rounds(30)],
  ['redis', rounds(40)],
  ['sqlite', rounds(40)],
] as const)('the keyring over %s', (kind, runs) => {
  let backend: Backend
  const closing: (() => Promise<void>)[] = []

  beforeAll(async () => {
    backend = await startBackend(kind, 'in the kernel')
  })
  afterAll(async () => {
    await Promise.all(closing.map((close) => close()))
    await backend?.stop()
  })

  it('behaves like its model', { timeout: 300_000 }, async () => {
    const open = async () => {
      const { store, close } = await openStore(backend.address, {
        feed: kind === 'postgres' || kind === 'redis',
      })
      closing.push(close)
      return store
    }
    const done = await keyringModel(open, { runs, commands: 60 })
    expect(done.size).toBeGreaterThan(20)
  })
})
