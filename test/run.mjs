// The suites. Each runs its cheapest steps first:
//   node test/run.mjs           the whole suite, which CI runs for each change
//   node test/run.mjs fast      types, lint, core and adapters, in less than a minute
//   node test/run.mjs interop   other runtimes, clients, proxies and compilers
import { prepare, run } from './prepare.mjs'

const types = ['Types', 'npm', ['run', '--silent', 'types']]
const lint = ['Lint and format', 'npx', ['biome', 'check', '.']]
const suites = {
  all: [
    types,
    lint,
    ['Unused code and dependencies', 'npx', ['knip']],
    ['API documentation', 'npx', ['typedoc']],
    ['Package', 'npx', ['publint', '--strict']],
    ['Package types', 'npx', ['attw', '--pack', '.', '--profile', 'esm-only']],
    ['Tests', 'npx', ['vitest', 'run', '--project', 'main']],
  ],
  fast: [
    types,
    lint,
    [
      'Tests of the core and the adapters',
      'npx',
      ['vitest', 'run', '--project', 'main', 'test/core/', 'test/adapters/'],
    ],
  ],
  interop: [
    [
      'Tests of foreign runtimes, clients, proxies and compilers',
      'npx',
      ['vitest', 'run', '--project', 'interop'],
    ],
    ['Runtimes', process.execPath, ['test/runtimes/run.mjs']],
  ],
}

const [name = 'all'] = process.argv.slice(2)
const steps = suites[name]
if (steps === undefined) {
  process.stderr.write(
    `There is no suite ${name}. The suites are ${Object.keys(suites).join(', ')}.\n`,
  )
  process.exit(2)
}

prepare()
for (const [title, command, args] of steps) {
  process.stderr.write(`\n== ${title}\n`)
  run(command, args)
}
