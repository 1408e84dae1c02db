// Everything CI runs, in the order in which a fault is cheapest to find.
import { prepare, run } from './prepare.mjs'

const steps = [
  ['Types', 'npx', ['tsc', '--noEmit']],
  ['Lint and format', 'npx', ['biome', 'check', '.']],
  ['Unused code and dependencies', 'npx', ['knip']],
  ['API documentation', 'npx', ['typedoc']],
  ['Package', 'npx', ['publint', '--strict']],
  ['Package types', 'npx', ['attw', '--pack', '.', '--profile', 'esm-only']],
  ['Tests', 'npx', ['vitest', 'run']],
]

prepare()
for (const [title, command, args] of steps) {
  process.stderr.write(`\n== ${title}\n`)
  run(command, args)
}
