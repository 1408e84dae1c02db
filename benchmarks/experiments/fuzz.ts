import { type ChildProcess, fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { createTwinkey } from 'twinkey'
import * as profiles from 'twinkey/profiles'
import { type Host, hosts } from '../../test/http/hosts.ts'
import {
  exponentOf,
  type Grower,
  growers,
  grown,
  LENGTHS,
} from '../../test/security/fuzz-growth.ts'
import { applicationOf, fuzzHost } from '../../test/security/fuzz-http.ts'
import type { Fuzzed } from '../../test/security/fuzz-run.ts'
import { createFuzzScene, type FuzzScene } from '../../test/security/fuzz-scene.ts'
import { fuzzTargets } from '../../test/security/fuzz-targets.ts'
import type { Figure, Progress } from './figure.ts'
import type { FuzzOrder } from './fuzz-child.ts'

const CHILD = fileURLToPath(new URL('fuzz-child.ts', import.meta.url))
const PART = 500_000
// A target that waits for signatures and digests gets a tenth of the inputs.
const COSTLY = /^(?:verifyToken|authenticate|exchange|keys\.verify)/
const INPUTS = {
  quick: { cheap: 20_000, costly: 1000, http: 300 },
  full: { cheap: 10_000_000, costly: 1_000_000, http: 30_000 },
}
/** Above this exponent, parsing time grows faster than the length of the text. */
const LARGEST_EXPONENT = 1.3
const SLOW_EXPONENT = 1.7
const TIMINGS = { quick: 3, full: 25 }
const SAMPLE_MILLISECONDS = 0.2

/**
 * Checks whether any input of a caller is wrongly accepted, breaks something, or takes more time
 * than its length justifies.
 */
export const figure: Figure = {
  name: 'fuzz',
  title:
    'seeded inputs for each parser of caller input and for each host, and the growth of parsing time with the length',
  async run({ quick, progress }) {
    const size = quick ? 'quick' : 'full'
    const seed = Math.floor(Math.random() * 2 ** 31)
    const rejections: string[] = []
    process.on('unhandledRejection', (reason) => rejections.push(String(reason)))
    const scene = await createFuzzScene()
    const control = growthOf(CONTROL, LENGTHS.slice(0, 4), TIMINGS[size])
    const growth = growers(scene.profiles).map((grower) => growthOf(grower, LENGTHS, TIMINGS[size]))
    progress(JSON.stringify([control, ...growth]))
    const parsers = await fuzzParsers(scene, seed, INPUTS[size], progress)
    const connections = await fuzzHosts(seed, INPUTS[size].http, progress)
    const ok =
      rejections.length === 0 &&
      [...parsers, ...connections].every(
        ({ wrong, taken, refused }) => wrong.length === 0 && taken > 0 && refused > 0,
      ) &&
      growth.every(({ exponent }) => exponent <= LARGEST_EXPONENT) &&
      // A slow control must be detected. Otherwise the other results prove nothing.
      control.exponent > SLOW_EXPONENT
    const inputs = [...parsers, ...connections].reduce((sum, each) => sum + each.inputs, 0)
    return {
      ok,
      seed,
      inputs,
      unhandledRejections: rejections,
      parsers,
      connections,
      growth,
      control,
    }
  },
}

type Inputs = { readonly cheap: number; readonly costly: number }

// One process for each processor. Each takes one part after the other.
async function fuzzParsers(
  scene: FuzzScene,
  seed: number,
  inputs: Inputs,
  progress: Progress,
): Promise<Fuzzed[]> {
  const targets = fuzzTargets(scene).map(({ name }) => ({
    name,
    count: COSTLY.test(name) ? inputs.costly : inputs.cheap,
  }))
  const parts = targets.flatMap(({ name, count }) =>
    Array.from({ length: Math.ceil(count / PART) }, (_, at) => ({
      name,
      seed,
      from: at * PART,
      count: Math.min(PART, count - at * PART),
    })),
  )
  const done: Fuzzed[] = []
  async function lane(): Promise<void> {
    const child = fork(CHILD, {
      execArgv: process.execArgv,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    try {
      for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
        done.push(await answerTo(child, part))
        progress(JSON.stringify(done.at(-1)))
      }
    } finally {
      child.kill()
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, lane))
  return targets.map(({ name }) => togetherOf(name, done))
}

function answerTo(child: ChildProcess, part: FuzzOrder): Promise<Fuzzed> {
  return new Promise((resolve, reject) => {
    const exited = (code: number | null) =>
      reject(new Error(`the process ended with ${code} at ${JSON.stringify(part)}`))
    child.once('exit', exited).once('message', (fuzzed: Fuzzed) => {
      child.off('exit', exited)
      resolve(fuzzed)
    })
    child.send(part)
  })
}

function togetherOf(name: string, done: readonly Fuzzed[]): Fuzzed {
  const own = done.filter((each) => each.name === name)
  const sum = (of: 'inputs' | 'taken' | 'refused') => own.reduce((all, each) => all + each[of], 0)
  return {
    name,
    inputs: sum('inputs'),
    taken: sum('taken'),
    refused: sum('refused'),
    wrong: own.flatMap(({ wrong }) => wrong),
  }
}

async function fuzzHosts(seed: number, count: number, progress: Progress): Promise<Fuzzed[]> {
  // Express prints its refusals unless it runs as a test.
  process.env['NODE_ENV'] = 'test'
  // The hosts use the built package.
  const scene = await createFuzzScene({ createTwinkey, profiles })
  const rows: Fuzzed[] = []
  for (const [name, start] of Object.entries(hosts)) {
    const host: Host = await start(scene.twinkey, applicationOf(scene))
    rows.push(await fuzzHost(scene, name, host, seed, count))
    await host.close()
    progress(JSON.stringify(rows.at(-1)))
  }
  return rows
}

// An earlier check of form bodies: any "=" might end the name.
const CONTROL: Grower = {
  name: 'a square',
  parse: (text) => /^[!-%'-~]+=[!-~]*$/.test(text),
  made: [['=', '\0']],
}

/** The growth exponent for the slowest kind of text. */
function growthOf({ name, parse, made }: Grower, lengths: readonly number[], timings: number) {
  const measured = made.map((each) => {
    const texts = lengths.map((length) => grown(each, length))
    let exponent = Number.POSITIVE_INFINITY
    // Other programs may distort one measurement, but a slow parser is slow in all.
    for (let tries = 0; tries < 3 && exponent > LARGEST_EXPONENT; tries++) {
      const points = texts.map(
        (text) =>
          [
            text.length,
            Math.min(...Array.from({ length: timings }, () => timeOf(parse, text))),
          ] as const,
      )
      exponent = Math.min(exponent, Math.round(exponentOf(points) * 100) / 100)
    }
    return { exponent, worst: JSON.stringify(each) }
  })
  return {
    parser: name,
    ...measured.reduce((worst, each) => (each.exponent > worst.exponent ? each : worst)),
  }
}

/** Milliseconds per call, averaged over enough calls for the clock to measure. */
function timeOf(parse: (text: string) => unknown, text: string): number {
  const began = performance.now()
  let calls = 0
  let passed = 0
  do {
    parse(text)
    calls++
    passed = performance.now() - began
  } while (passed < SAMPLE_MILLISECONDS)
  return passed / calls
}
