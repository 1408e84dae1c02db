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

// consumers.test.ts covers one consumer under nodenext.
const others = Object.keys(modes).filter((mode) => mode !== 'nodenext')
const modules = others.filter((mode) => !mode.endsWith('CommonJS'))

describeConsumers(['express', 'fastify', 'hono'], ['nodenext'], 'the project')
describeConsumers(Object.keys(consumers), others)
describeOwnPrincipal(['nodenext'], 'the project')
describeOwnPrincipal(modules)
describeMistakes(['nodenext'], 'the project')
describeMistakes(modules)

// `npm run test:runtimes` covers Deno, and Bun with a bundle of the package.
test.each(Object.keys(consumers))('a consumer with %s runs in Bun from its TypeScript', (name) => {
  const folder = install(`${name} in Bun`, consumers[name]?.packages ?? [], 'module')
  const printed = run(join(root, 'node_modules/.bin/bun'), [join(folder, `${name}.ts`)], folder)
  expect(printed.replace(/ +$/gm, '')).toBe(ANSWERS)
})

// TypeScript allows no import of an ES module, such as NestJS 12, in the other modes for CommonJS.
describe.each([
  ['nodenext', 'module'],
  ['nodenext, CommonJS', 'commonjs'],
  ['esnext and bundler', 'module'],
] as const)('an application of NestJS under %s', (mode, type) => {
  const packages = [
    ...['common', 'core', 'platform-express'].map((name) => `@nestjs/${name}`),
    ...['@types/express', '@types/node', 'express', 'reflect-metadata', 'rxjs'],
  ]
  const nest: Consumer = { packages, types: ['node'], lib: ['lib.es2022.d.ts'] }
  const options = { ...modes[mode], experimentalDecorators: true, emitDecoratorMetadata: true }

  test('compiles with its decorators, and runs', () => {
    const folder = install(`nest ${mode}`, nest.packages, type)
    expect(compile(folder, ['nest.ts'], options, nest, 'the project')).toEqual([])
    writeFileSync(join(folder, 'out/package.json'), JSON.stringify({ type }))
    const printed = run(process.execPath, [join(folder, 'out/nest.js')], folder)
    expect(printed.replace(/ +$/gm, '')).toBe(ANSWERS)
  })
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
})
