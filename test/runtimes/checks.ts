import type { Check } from './check.ts'
import { clientChecks } from './client-checks.ts'
import { lifeChecks } from './life-checks.ts'
import { secretChecks } from './secret-checks.ts'
import { tableChecks } from './table-checks.ts'
import { tokenChecks } from './token-checks.ts'
import { webChecks } from './web-checks.ts'

/**
 * All checks for every runtime: the core, the web adapter, and the tables of requests of all
 * profiles.
 */
export const checks: readonly Check[] = [
  ...secretChecks,
  ...lifeChecks,
  ...tokenChecks,
  ...webChecks,
  ...clientChecks,
  ...tableChecks,
]
