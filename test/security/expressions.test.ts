import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { secretPattern } from 'twinkey'
import { describe, expect, it } from 'vitest'
import { expressionsIn, slowness } from './expressions.ts'

const root = fileURLToPath(new URL('../../src', import.meta.url))
const found = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.tsx?$/.test(path))
  .map((path) => ({ path, ...expressionsIn(readFileSync(join(root, path), 'utf8'), path) }))
const literals = new Map(
  found.flatMap(({ literals }) => literals.map((each) => [`/${each.source}/${each.flags}`, each])),
)

describe('every regular expression takes at most linear time:', () => {
  it.each([...literals])('%s', (_written, expression) => {
    expect(slowness(expression)).toBeUndefined()
  })

  it('and the only one that is built from text is that of secrets with a prefix, which is a plain word', () => {
    const made = found
      .filter(({ made }) => made.length > 0)
      .map(({ path, made }) => [path, made.length])
    expect(made).toEqual([[join('core', 'secrets', 'secret.ts'), 1]])
    for (const prefix of ['a', 'a_a_a', 'acme_live', `a${'_'.repeat(31)}`, 'a'.repeat(32)]) {
      expect(slowness(secretPattern(prefix))).toBeUndefined()
    }
    expect(() => secretPattern('(a+)+$')).toThrow(TypeError)
  })
})

it('the expressions of the page are among them, but no text of its elements', () => {
  const inPage = found.filter(({ path }) => path.endsWith('.tsx')).flatMap((each) => each.literals)
  expect(inPage).toContainEqual({ source: '[\\s,;]+', flags: '' })
  const source = 'const a = <p title="/a/">/text/ {t.split(/b+/u)}</p>'
  expect(expressionsIn(source, 'a.tsx').literals).toEqual([{ source: 'b+', flags: 'u' }])
})

it('the expressions of a source are its literals, and every call that builds one from text', () => {
  expect(literals.size).toBeGreaterThan(15)
  const source = `
    // /comment/
    const a: RegExp = /(a+)+$/gi, text = '/text/', b = 4 / 2 / 1
    const c = [new RegExp(text), RegExp('x', 'u'), new globalThis.RegExp(text), Reflect.construct(RegExp, [text])]
    text.match(text); text.search('x'); text.matchAll(/y[/]/g)
  `
  expect(expressionsIn(source)).toEqual({
    literals: [
      { source: '(a+)+$', flags: 'gi' },
      { source: 'y[/]', flags: 'g' },
    ],
    made: [
      'new RegExp(text)',
      "RegExp('x', 'u')",
      'globalThis.RegExp',
      'Reflect.construct(RegExp, [text])',
      'text.match(text)',
      "text.search('x')",
    ],
  })
})

it.each(['(a+)+$', '^(?:a|a)*$', '\\s+$', '(?=(a+)+$)b', '(a*)*\\1'])(
  'the expression /%s/ is found to be slow or unproven',
  (source) => {
    expect(slowness({ source, flags: '' })).toContain(`/${source}/ is `)
  },
)
