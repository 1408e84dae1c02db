import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { configureGlobal } from 'fast-check'
import { test, vi } from 'vitest'
import { collect, type Suite, type Test } from './tests.ts'

/** The state that Stryker's instrumented source reads and writes. */
interface Instruments {
  activeMutant?: string | undefined
  currentTestId?: string | undefined
  hitCount?: number | undefined
  hitLimit?: number | undefined
  mutantCoverage?: Coverage | undefined
}
interface Coverage {
  readonly static: Hits
  readonly perTest: Record<string, Hits>
}
type Hits = Record<string, number>

interface Mutant {
  readonly id: string
  readonly file: string
  /** The tests that reach the mutant. Undefined if the mutant is active while the modules load. */
  readonly tests?: readonly string[]
}
interface Known {
  readonly times: readonly (readonly [string, number])[]
  readonly perTest: Record<string, Hits>
}
interface Failure {
  readonly id: string
  readonly message: string
  readonly late: boolean
}
interface Result {
  readonly id: string
  readonly file: string
  readonly time: number
}

// Mocks the module that test files mock, with its real implementation. A mock must be registered
// before the modules load, so tests.ts ignores the calls in test files.
vi.mock('#hash', async (load) => {
  const real = await load<typeof import('#hash')>()
  return { ...real, sha256: vi.fn(real.sha256) }
})

// One failing example is enough, so fast-check need not shrink it.
configureGlobal({ endOnFailure: true })

const FOLDERS = [
  'core',
  'guard',
  'adapters',
  'endpoints',
  'pane',
  'security',
  'http',
  'verifier',
].map((folder) => `test/${folder}`)
// Files that need a server, another process or several seconds, or that read the text of the source.
const LEFT_OUT =
  /\/(bun|wire-rows|types|token-hosts|edge|fuzz|fuzz-http|leaks|races|expressions|timing|floods|cache-memory|boxes-store|stopping|web-params|leaks\/nodes|flow|worker)\.test\.ts$/
const FILES = FOLDERS.flatMap((folder) =>
  readdirSync(folder, { recursive: true }).map((name) => `${folder}/${name}`),
).filter((file) => /(?<!\.interop)\.test\.ts$/.test(file) && !LEFT_OUT.test(file))
const STRICT: readonly string[] = JSON.parse(readFileSync('test/mutation/strict.json', 'utf8'))
const PATIENCE = 4000
// The time after which a mutant counts as not detected.
const BUDGET = 8000
const NEIGHBOURS = 15
const MANY_HITS = 1_000_000
const KNOWN = 'test/mutation/known.json'

const instruments: Instruments = {}
Object.assign(globalThis, { __stryker__: instruments })
const { setTimeout, clearTimeout } = globalThis
const now = performance.now.bind(performance)
/** The duration of each test without a mutant, which determines its time limit. */
const times = new Map<string, number>()
/** The tests that reach each mutant, and how often. */
const covered = new Map<string, Map<string, number>>()
/** The files that detected a mutant, the latest one last. */
const killers: string[] = []
/** Files whose tests depend on one another. */
const whole = new Set<string>()
let loaded = new Map<string, Suite>()

test('stays', async () => {
  const channel = new BroadcastChannel(`mutants of ${process.pid}`)
  await new Promise<void>((end) => {
    channel.onmessage = async ({ data }: MessageEvent) => {
      if (data === 'end') return end()
      try {
        channel.postMessage({ answer: data === 'dry' ? await runDry() : await runMutant(data) })
      } catch (error) {
        channel.postMessage({ error: error instanceof Error ? error.stack : String(error) })
      }
    }
    channel.postMessage({ answer: 'ready' })
  })
  channel.close()
})

/** Runs every test without a mutant, and records the mutants that it reaches. */
async function runDry() {
  const coverage: Coverage = { static: {}, perTest: {} }
  instruments.mutantCoverage = coverage
  const results: Result[] = []
  // Loads all files first. Otherwise the first test would count as reaching everything that an
  // import runs.
  for (const file of FILES) await load(file)
  for (const file of FILES) {
    const ran: Result[] = []
    const failure = await run(file, undefined, ran)
    if (failure !== undefined)
      throw new Error(`Fails without a mutant: ${failure.id}: ${failure.message}`)
    results.push(...ran)
  }
  // The instrumented source keeps the first object that it finds.
  const once = structuredClone(coverage)
  writeFileSync(KNOWN, JSON.stringify({ times: [...times], perTest: once.perTest } satisfies Known))
  return { results, coverage: once }
}

/** The first failure that detects a mutant. */
async function runMutant(mutant: Mutant): Promise<Failure | undefined> {
  if (times.size === 0) readKnown()
  const covering = new Set(mutant.tests ?? covered.get(mutant.id)?.keys())
  const files = inOrder(
    mutant,
    FILES.filter((file) => [...covering].some((id) => id.startsWith(`${file}#`))),
  )
  const end = now() + budgetOf(mutant)
  for (const file of files) {
    if (now() > end) return undefined
    const failure = await runActive(mutant, file, covering)
    if (failure === undefined) continue
    killers.push(file)
    // The failure may come from the state that an earlier mutant left behind.
    if (failure.late) forgetModules()
    const isInnocent = (await run(file, covering, [], failure.id)) === undefined
    // A timeout alone may be a coincidence.
    if (isInnocent && !failure.late) return failure
    forgetModules()
    const again = await runActive(mutant, file, covering)
    if (again === undefined) continue
    forgetModules()
    const innocent = await run(file, covering, [], again.id)
    if (innocent === undefined) return again
    // These tests depend on earlier tests that were not selected.
    if (whole.has(file))
      throw new Error(`Fails without a mutant: ${innocent.id}: ${innocent.message}`)
    whole.add(file)
    return runMutant(mutant)
  }
  return mutant.tests === undefined
    ? runWhileLoading(mutant, now() + 3 * budgetOf(mutant))
    : undefined
}

/**
 * The same for a mutant that is active while the modules load: each file is loaded with the mutant.
 */
async function runWhileLoading(mutant: Mutant, end: number): Promise<Failure | undefined> {
  forgetModules()
  try {
    for (const file of nearby(mutant)) {
      if (now() > end) return undefined
      activate(mutant)
      const failure = await run(file, undefined, [], undefined, mutant)
      if (failure === undefined) continue
      deactivate()
      forgetModules()
      if ((await run(file)) === undefined) return failure
      forgetModules()
    }
    return undefined
  } finally {
    deactivate()
    vi.useRealTimers()
    forgetModules()
  }
}

async function runActive(
  mutant: Mutant,
  file: string,
  wanted: Set<string>,
): Promise<Failure | undefined> {
  await load(file)
  activate(mutant)
  try {
    return await run(file, wanted, [], undefined, mutant)
  } finally {
    deactivate()
    vi.useRealTimers()
  }
}

// Ends an endless loop: one that reaches the mutant far more often than without the mutant.
function limitHits({ id }: Mutant, test: string): void {
  const hits = covered.get(id)?.get(test)
  Object.assign(instruments, {
    hitCount: 0,
    hitLimit: hits === undefined ? MANY_HITS : 10_000 + 100 * hits,
  })
}

/** The results of the dry run, which may have run in another process. */
function readKnown(): void {
  const known: Known = JSON.parse(readFileSync(KNOWN, 'utf8'))
  for (const [id, time] of known.times) times.set(id, time)
  for (const [test, hits] of Object.entries(known.perTest)) {
    for (const [mutant, count] of Object.entries(hits)) {
      covered.set(mutant, (covered.get(mutant) ?? new Map()).set(test, count))
    }
  }
}

function activate({ id }: Mutant): void {
  Object.assign(instruments, { activeMutant: id, hitCount: 0, hitLimit: MANY_HITS })
}

function deactivate(): void {
  Object.assign(instruments, { activeMutant: undefined, hitCount: undefined })
}

function budgetOf({ file }: Mutant): number {
  return STRICT.some((each) => file.endsWith(each)) ? 4 * BUDGET : BUDGET
}

function inOrder(mutant: Mutant, files: readonly string[]): string[] {
  const rank = (file: string) => killers.lastIndexOf(file)
  return [...files].sort(
    (a, b) =>
      closeness(mutant, b) - closeness(mutant, a) || rank(b) - rank(a) || timeOf(a) - timeOf(b),
  )
}

/** 2 for the tests of the same name as the file of a mutant, 1 for those of its folder, 0 for others. */
function closeness(mutant: Mutant, file: string): number {
  const [, folder = '', name = ''] = /\bsrc\/(.+)\/([\w-]+)\.ts$/.exec(mutant.file) ?? []
  if (!file.startsWith(`test/${folder}/`)) return 0
  return file.includes(`/${name}.`) ? 2 : 1
}

/**
 * All files, starting with the closest ones, and then with those whose tests reach neighbouring
 * mutants. Stryker numbers mutants through a file.
 */
function nearby(mutant: Mutant): string[] {
  const { id } = mutant
  const files = new Set<string>()
  for (let other = Number(id) - NEIGHBOURS; other <= Number(id) + NEIGHBOURS; other++)
    for (const test of covered.get(String(other))?.keys() ?? [])
      files.add(test.slice(0, test.indexOf('#')))
  return [...FILES].sort(
    (a, b) =>
      closeness(mutant, b) - closeness(mutant, a) ||
      Number(files.has(b)) - Number(files.has(a)) ||
      (times.get(a) ?? 0) - (times.get(b) ?? 0),
  )
}

function timeOf(file: string): number {
  return (times.get(file) ?? 0) + FOLDERS.findIndex((folder) => file.startsWith(folder)) * 1000
}

function forgetModules(): void {
  vi.resetModules()
  loaded = new Map()
}

async function load(file: string): Promise<Suite> {
  const known = loaded.get(file) ?? (await collect(() => import(resolve(file))))
  loaded.set(file, known)
  return known
}

/** Runs the selected tests of a file, until one fails or the test with the id `last` has run. */
async function run(
  file: string,
  wanted?: Set<string>,
  results: Result[] = [],
  last?: string,
  mutant?: Mutant,
): Promise<Failure | undefined> {
  if (whole.has(file)) wanted = undefined
  const began = now()
  let over = false
  try {
    return await runSuite(await load(file), [])
  } catch (error) {
    return failureOf(`${file}#`, error)
  } finally {
    if (mutant === undefined && wanted === undefined && last === undefined)
      times.set(file, now() - began)
  }

  async function runSuite(suite: Suite, outer: readonly Suite[]): Promise<Failure | undefined> {
    if (!holds(suite)) return undefined
    const { hooks, parts } = suite
    const hit = `${file}#hooks ${outer.length}`
    const ids = idsOf(suite)
    const before = results.length
    let failure: Failure | undefined
    const cleanups: unknown[] = []
    try {
      instruments.currentTestId = hit
      for (const each of hooks.beforeAll) cleanups.push(await limited(each, 20_000))
      for (const part of parts) {
        if (over) break
        failure =
          'parts' in part
            ? await runSuite(part, [...outer, suite])
            : await runTest(part, [...outer, suite])
        if (failure !== undefined) break
      }
    } catch (error) {
      failure = failureOf(ids[0] ?? `${file}#`, error)
    }
    instruments.currentTestId = hit
    try {
      for (const each of [...hooks.afterAll].reverse())
        await limited(each, failure === undefined ? 20_000 : 200)
      for (const each of cleanups) if (typeof each === 'function') await each()
    } catch (error) {
      failure ??= failureOf(ids[0] ?? `${file}#`, error)
    }
    instruments.currentTestId = undefined
    // What the hooks reach counts for each of their tests.
    const hits = instruments.mutantCoverage?.perTest[hit]
    if (hits !== undefined && before < results.length) for (const id of ids) count(id, hits)
    delete instruments.mutantCoverage?.perTest[hit]
    return failure
  }

  async function runTest(
    { name, run }: Test,
    suites: readonly Suite[],
  ): Promise<Failure | undefined> {
    const id = `${file}#${name}`
    if (wanted !== undefined && !wanted.has(id)) return undefined
    const began = now()
    instruments.currentTestId = id
    if (mutant !== undefined) limitHits(mutant, id)
    let failure: Failure | undefined
    const patience = PATIENCE + 10 * (times.get(id) ?? 2000)
    const cleanups: unknown[] = []
    try {
      for (const { hooks } of suites)
        for (const each of hooks.beforeEach) cleanups.push(await limited(each, patience))
      await limited(run, patience)
    } catch (error) {
      failure = failureOf(id, error)
    }
    try {
      for (const { hooks } of [...suites].reverse())
        for (const each of [...hooks.afterEach].reverse()) await limited(each, patience)
      for (const each of cleanups) if (typeof each === 'function') await each()
    } catch (error) {
      failure ??= failureOf(id, error)
    }
    const time = now() - began
    if (instruments.activeMutant === undefined) times.set(id, time)
    results.push({ id, file, time })
    instruments.currentTestId = undefined
    over ||= id === last
    return failure
  }

  function idsOf({ parts }: Suite): string[] {
    return parts.flatMap((part) => ('parts' in part ? idsOf(part) : [`${file}#${part.name}`]))
  }

  function holds(suite: Suite): boolean {
    return wanted === undefined || idsOf(suite).some((id) => wanted.has(id))
  }
}

function count(id: string, hits: Hits): void {
  const all = instruments.mutantCoverage?.perTest
  if (all === undefined) return
  const sum = { ...all[id] }
  for (const [mutant, times] of Object.entries(hits)) sum[mutant] = (sum[mutant] ?? 0) + times
  all[id] = sum
}

class Late extends Error {}

async function limited(
  action: (...args: unknown[]) => unknown,
  patience: number,
): Promise<unknown> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Late(`longer than ${patience} ms`)), patience)
  })
  try {
    return await Promise.race([action({}), late])
  } finally {
    clearTimeout(timer)
  }
}

function failureOf(id: string, error: unknown): Failure {
  return {
    id,
    message: error instanceof Error ? error.message : String(error),
    late: error instanceof Late,
  }
}
