// The suites. Each runs its checks first, two at a time, and its tests as soon as no check waits:
//   node test/run.mjs           the whole suite, which CI runs for each change
//   node test/run.mjs fast      types, lint, core and adapters, in less than a minute
//   node test/run.mjs interop   other runtimes, clients, proxies and compilers
//   node test/run.mjs rounds    races, models and kills, in all their rounds
import { spawn } from 'node:child_process'
import { prepare, root } from './prepare.mjs'

// As npm run types, but side by side.
const types = [
  ['Types', 'npx', ['tsc', '--noEmit']],
  ['Types of the pane', 'npx', ['tsc', '-p', 'src/pane-app']],
]
const lint = ['Lint and format', 'npx', ['biome', 'check', '.']]
const suites = {
  all: {
    // The slowest first. test/docs/docs-site.test.ts builds the API documentation.
    checks: [
      ...types,
      ['Package types', 'npx', ['attw', '--pack', '.']],
      ['Unused code and dependencies', 'npx', ['knip']],
      ['Package', 'npx', ['publint', '--strict']],
      lint,
    ],
    tests: [['Tests', 'npx', ['vitest', 'run', '--project', 'main*']]],
  },
  fast: {
    checks: [...types, lint],
    tests: [
      [
        'Tests of the core and the adapters',
        'npx',
        ['vitest', 'run', '--project', 'main*', 'test/core/', 'test/adapters/'],
      ],
    ],
  },
  interop: {
    checks: [],
    tests: [
      [
        'Tests of foreign runtimes, clients, proxies and compilers',
        'npx',
        ['vitest', 'run', '--project', 'interop'],
      ],
      ['Runtimes', process.execPath, ['test/runtimes/run.mjs']],
    ],
  },
  rounds: {
    checks: [],
    tests: [
      [
        'Tests of chance',
        'npx',
        [
          ...['vitest', 'run', '--project', 'main*'],
          'test/adapters/refused-uploads.test.ts',
          'test/core/decision/decision-races.test.ts',
          'test/core/decision/recogniser.property.test.ts',
          'test/core/management/within.test.ts',
          'test/endpoints/leaks/scanner-rules.test.ts',
          'test/endpoints/management/idempotency.test.ts',
          'test/endpoints/management/races.test.ts',
          'test/security/fuzz-http.test.ts',
          'test/security/fuzz.test.ts',
          'test/security/races.test.ts',
          'test/stores/history-races.test.ts',
          'test/stores/model-databases.test.ts',
          'test/stores/model.test.ts',
          'test/stores/mysql-races.test.ts',
          'test/stores/postgres-races.test.ts',
          'test/stores/redis-index.test.ts',
          'test/stores/redis-migration.test.ts',
          'test/stores/sqlite.test.ts',
        ],
      ],
    ],
  },
}

const [name = 'all'] = process.argv.slice(2)
const suite = suites[name]
if (suite === undefined) {
  process.stderr.write(
    `There is no suite ${name}. The suites are ${Object.keys(suites).join(', ')}.\n`,
  )
  process.exit(2)
}

// See test/support/rounds.ts.
if (name === 'rounds' || name === 'interop') process.env.TWINKEY_ROUNDS = 'all'
prepare()
const waiting = [...suite.checks]
let hasFailed = false
const lanes = [runChecks(waiting), runChecks(waiting)]
// The last check runs beside the first tests, so that no core is idle meanwhile.
await Promise.race(lanes)
// A failure of one part hides no failure of the next.
if (!hasFailed) for (const test of suite.tests) await runTests(test)
await Promise.all(lanes)
if (hasFailed) process.exit(1)

/** Runs the waiting checks one after another. */
async function runChecks(checks) {
  for (let check = checks.shift(); check !== undefined; check = checks.shift())
    if ((await runCheck(check)) !== 0) hasFailed = true
}

/** Runs tests. */
function runTests([title, command, args]) {
  process.stderr.write(`\n== ${title}\n`)
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 2, 2] })
    child.once('error', reject)
    child.once('close', (code) => {
      if (code !== 0) {
        hasFailed = true
        process.stderr.write(`\n${command} ${args.join(' ')} failed\n`)
      }
      resolve()
    })
  })
}

/** Runs a check, and prints its output when it has ended, not between the output of another. */
function runCheck([title, command, args]) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = `\n== ${title}\n`
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => {
        output += text
      })
    child.once('error', reject)
    child.once('close', (code) => {
      const failed = code === 0 ? '' : `\n${command} ${args.join(' ')} failed\n`
      process.stderr.write(output + failed)
      resolve(code ?? 1)
    })
  })
}
