import { describe, expect, it } from 'vitest'
import { runWithin } from './within-model.ts'

describe('a limited keyring, in random operations of two owners, a tenant and an operator,', () => {
  it('grants nothing beyond its limits, undoes nothing of an operator, and shows no other owner', async () => {
    const report = await runWithin(1, 20_000)
    // The run reached every kind of outcome, and judged and compared enough.
    expect(report.judged).toBeGreaterThan(1_000)
    expect(report.compared).toBeGreaterThan(1_000)
    for (const code of [
      'done',
      'key_not_found',
      'not_grantable',
      'key_revoked',
      'version_conflict',
    ])
      expect(report.outcomes.get(code), code).toBeGreaterThan(5)
  }, 120_000)
})
