// The suites. Each runs its checks first, two at a time, and then its tests:
//   node test/run.mjs           the whole suite, which CI runs for each change
//   node test/run.mjs fast      types, lint, core and adapters, in less than a minute
//   node test/run.mjs interop   other runtimes, clients, proxies and compilers
//   node test/run.mjs rounds    races, models and kills, in all their rounds
import { spawn } from 'node:child_process'
import { prepare, root, run } from './prepare.mjs'

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
      ['Package types', 'npx', ['attw', '--pack', '.', '--profile', 'esm-only']],
      ['Unused code and dependencies', 'npx', ['knip']],
      ['Package', 'npx', ['publint', '--strict']],
      lint,
    ],
    tests: [['Tests', 'npx', ['vitest', 'run', '--project', 'main']]],
  },
  fast: {
    checks: [...types, lint],
    tests: [
      [
        'Tests of the core and the adapters',
        'npx',
        ['vitest', 'run', '--project', 'main', 'test/core/', 'test/adapters/'],
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
          ...['vitest', 'run', '--project', 'main'],
          'test/core/decision/decision-races.test.ts',
          'test/stores/history-races.test.ts',
          'test/stores/model-databases.test.ts',
          'test/stores/postgres-races.test.ts',
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
const results = await Promise.all([runChecks(waiting), runChecks(waiting)])
if (results.flat().some((status) => status !== 0)) process.exit(1)
for (const [title, command, args] of suite.tests) {
  process.stderr.write(`\n== ${title}\n`)
  run(command, args)
}

/** Runs the waiting checks one after another. Returns their exit codes. */
async function runChecks(checks) {
  const statuses = []
  for (let check = checks.shift(); check !== undefined; check = checks.shift())
    statuses.push(await runCheck(check))
  return statuses
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
