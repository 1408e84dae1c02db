import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  ANSWERS,
  type Consumer,
  compile,
  consumers,
  describeConsumers,
  describeMistakes,
  describeOwnPrincipal,
  install,
  MISTAKES,
  mistaken,
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

describe('what must not compile', () => {
  test('is found: without the expectations, each is an error', () => {
    const folder = install('mistakes shown', mistaken.packages, 'module')
    let expected = 0
    for (const name of MISTAKES) {
      const text = readFileSync(join(folder, name), 'utf8')
      expected += text.split('@ts-expect-error').length - 1
      writeFileSync(join(folder, name), text.replaceAll('@ts-expect-error', ''))
    }
    const found = compile(folder, MISTAKES, modes['nodenext'] ?? {}, mistaken)
    expect(found.filter((each) => !MISTAKES.includes(each.split(':')[0] as string))).toEqual([])
    expect(found.length).toBeGreaterThanOrEqual(expected)
    expect(expected).toBeGreaterThan(90)
  })

  test('CommonJS under node16 is told that the package is ESM', () => {
    const folder = install('node16 CommonJS', [], 'commonjs')
    const consumer = consumers['web'] as Consumer
    const found = compile(folder, ['web.ts'], modes['node16'] ?? {}, consumer)
    expect(found).toContainEqual(expect.stringMatching(/^web\.ts:1 TS1479 /))
  })
})
