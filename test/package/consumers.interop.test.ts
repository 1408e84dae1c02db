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

// consumers.test.ts covers nodenext.
const others = Object.keys(modes).filter((mode) => mode !== 'nodenext')
const modules = others.filter((mode) => !mode.endsWith('CommonJS'))

describeConsumers(others)
describeOwnPrincipal(modules)
describeMistakes(modules)

// `npm run test:runtimes` covers Deno, and Bun with a bundle of the package.
test.each(Object.keys(consumers))('a consumer with %s runs in Bun from its TypeScript', (name) => {
  const folder = install(`${name} in Bun`, consumers[name]?.packages ?? [], 'module')
  const printed = run(join(root, 'node_modules/.bin/bun'), [join(folder, `${name}.ts`)], folder)
  expect(printed.replace(/ +$/gm, '')).toBe(ANSWERS)
})

describe('the compiler', () => {
  test('reports each mistake if its expectation is removed', () => {
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

  test('reports under node16 that CommonJS cannot require the ESM package', () => {
    const folder = install('node16 CommonJS', [], 'commonjs')
    const consumer = consumers['web'] as Consumer
    const found = compile(folder, ['web.ts'], modes['node16'] ?? {}, consumer)
    expect(found).toContainEqual(expect.stringMatching(/^web\.ts:1 TS1479 /))
  })
})
