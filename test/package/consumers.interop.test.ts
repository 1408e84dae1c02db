import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  ANSWERS,
  consumers,
  describeConsumers,
  describeMistakes,
  describeOwnPrincipal,
  install,
  modes,
  root,
  run,
} from './consumers-suite.ts'

// consumers.test.ts has nodenext.
const others = Object.keys(modes).filter((mode) => mode !== 'nodenext')
const modules = others.filter((mode) => !mode.endsWith('CommonJS'))

describeConsumers(others)
describeOwnPrincipal(modules)
describeMistakes(modules)

// Deno, and Bun with what a bundler makes of the package: `npm run test:runtimes`.
test.each(Object.keys(consumers))('a consumer with %s runs in Bun from its TypeScript', (name) => {
  const folder = install(`${name} in Bun`, consumers[name]?.packages ?? [], 'module')
  const printed = run(join(root, 'node_modules/.bin/bun'), [join(folder, `${name}.ts`)], folder)
  expect(printed.replace(/ +$/gm, '')).toBe(ANSWERS)
})
