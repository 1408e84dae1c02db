import { describe, expect, it } from 'vitest'
import { rounds } from '../../support/rounds.ts'
import { runWithin } from './within-model.ts'

const STEPS = rounds(20_000)

describe('a limited keyring, in random operations of two owners, a tenant and an operator,', () => {
  it('grants nothing beyond its limits, undoes nothing of an operator, and shows no other owner', async () => {
    const report = await runWithin(1, STEPS)
    // The run reached every kind of outcome, and judged and compared enough.
    expect(report.judged).toBeGreaterThan(STEPS / 20)
    expect(report.compared).toBeGreaterThan(STEPS / 20)
    for (const code of [
      'done',
      'key_not_found',
      'not_grantable',
      'key_revoked',
      'version_conflict',
    ])
      expect(report.outcomes.get(code), code).toBeGreaterThan(rounds(5))
  }, 120_000)
})
