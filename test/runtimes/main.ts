import { type Outcome, runChecks } from './check.ts'
import { checks } from './checks.ts'

/** The report of a runtime after the checks. */
export interface Report {
  /** The version of the runtime, if it tells. */
  readonly version: string | undefined
  readonly outcomes: readonly Outcome[]
}

/** Runs all checks in this runtime. */
export async function report(): Promise<Report> {
  return { version: versionOf(globalThis), outcomes: await runChecks(checks) }
}

interface Runtime {
  readonly process?: { readonly versions?: Readonly<Record<string, string | undefined>> }
  readonly Deno?: { readonly version: { readonly deno: string } }
}

function versionOf({ Deno, process }: Runtime): string | undefined {
  return Deno?.version.deno ?? process?.versions?.['bun'] ?? process?.versions?.['node']
}
