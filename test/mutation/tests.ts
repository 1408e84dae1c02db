import { format } from 'node:util'
import { type VitestUtils, vi as vitest } from 'vitest'

// Replaces vitest in test files. It collects their tests, so that stay.ts can run them for each
// mutant.
export { expect, expectTypeOf } from 'vitest'
export const vi: VitestUtils = Object.assign(Object.create(vitest), { mock: () => undefined })

type Action = (...args: unknown[]) => unknown

/** The content of one `describe`, or of a file. */
export interface Suite {
  readonly hooks: Readonly<Record<Hook, Action[]>>
  readonly parts: (Suite | Test)[]
}

export interface Test {
  readonly name: string
  readonly run: () => unknown
}

type Hook = 'beforeAll' | 'beforeEach' | 'afterEach' | 'afterAll'

// On globalThis, because the modules are reloaded for some mutants.
const collected = globalThis as {
  suite?: Suite
  prefix?: string
  names?: Map<string, number>
  /** What the running test has left to do at its end. */
  finished?: Action[]
}

/** Loads a file and returns its tests. */
export async function collect(load: () => Promise<unknown>): Promise<Suite> {
  const suite = emptySuite()
  Object.assign(collected, { suite, prefix: '', names: new Map() })
  await load()
  return suite
}

function emptySuite(): Suite {
  return { hooks: { beforeAll: [], beforeEach: [], afterEach: [], afterAll: [] }, parts: [] }
}

function describeOne(name: string, fill: Action, args: unknown[] = []): void {
  const { suite: outer, prefix = '' } = collected
  const suite = emptySuite()
  outer?.parts.push(suite)
  Object.assign(collected, { suite, prefix: `${prefix}${name} > ` })
  fill(...args)
  Object.assign(collected, { suite: outer, prefix })
}

function testOne(name: string, run: Action, args: unknown[] = []): void {
  const full = `${collected.prefix}${name}`
  const count = (collected.names?.get(full) ?? 0) + 1
  collected.names?.set(full, count)
  collected.suite?.parts.push({
    name: count === 1 ? full : `${full} (${count})`,
    run: () => runToEnd(() => run(...args)),
  })
}

async function runToEnd(run: () => unknown): Promise<void> {
  const finished: Action[] = []
  collected.finished = finished
  try {
    await run()
  } finally {
    for (const each of finished.reverse()) await each()
  }
}

function withEach(one: typeof testOne) {
  const each = (rows: readonly unknown[]) => (name: string, action: Action) => {
    const areLists = rows.every(Array.isArray)
    for (const row of rows) one(nameOf(name, row), action, areLists ? (row as unknown[]) : [row])
  }
  return Object.assign((name: string, action: Action) => one(name, action), { each })
}

// Similar to the names that Vitest generates.
function nameOf(name: string, row: unknown): string {
  const named = name.replace(/\$(\w+)/g, (whole, key: string) =>
    typeof row === 'object' && row !== null && key in row
      ? String((row as Record<string, unknown>)[key])
      : whole,
  )
  const count = named.match(/%[sdifjoO]/g)?.length ?? 0
  return format(named, ...(Array.isArray(row) ? row : [row]).slice(0, count))
}

const hook = (kind: Hook) => (action: Action) => void collected.suite?.hooks[kind].push(action)

export const describe = withEach(describeOne)
export const test = withEach(testOne)
export const it = withEach(testOne)
export const onTestFinished = (action: Action) => void collected.finished?.push(action)
export const beforeAll = hook('beforeAll')
export const beforeEach = hook('beforeEach')
export const afterEach = hook('afterEach')
export const afterAll = hook('afterAll')
