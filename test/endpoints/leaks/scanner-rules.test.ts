import { readFileSync } from 'node:fs'
import { RE2JS } from 're2js'
import { secretPattern } from 'twinkey'
import { scannerRules } from 'twinkey/leaks'
import { describe, expect, it } from 'vitest'
import { mintId, mintSecret, randomBase62 } from '../../../src/core/secrets/secret.ts'
import { rounds } from '../../support/rounds.ts'

const VECTORS: readonly { prefix: string; secret: string }[] = JSON.parse(
  readFileSync(new URL('../../vectors/secrets.json', import.meta.url), 'utf8'),
)

const PREFIXES = [...new Set(['acme', 'acme_live', ...VECTORS.map(({ prefix }) => prefix)])]
const rules = scannerRules({ prefixes: PREFIXES })

/** The rules as the scanners read them. */
const gitleaks = rules.gitleaks
  .split('[[rules]]')
  .slice(1)
  .map((rule) => ({
    id: /^id = "(.+)"$/m.exec(rule)?.[1],
    expression: RE2JS.compile(/^regex = '''(.+)'''$/m.exec(rule)?.[1] as string),
    entropy: Number(/^entropy = (.+)$/m.exec(rule)?.[1]),
    group: Number(/^secretGroup = (.+)$/m.exec(rule)?.[1]),
    keyword: JSON.parse(/^keywords = (.+)$/m.exec(rule)?.[1] as string)[0] as string,
  }))
const trufflehog = [...rules.trufflehog.matchAll(/^ {6}secret: '(.+)'$/gm)].map(([, text]) =>
  RE2JS.compile(text as string),
)
const github = rules.github.map(({ beforeSecret, secretFormat, afterSecret }) =>
  RE2JS.compile(`(?:${beforeSecret})(${secretFormat})(?:${afterSecret})`),
)

/** As gitleaks: the keyword, the expression, then the entropy of the group. */
function foundByGitleaks(text: string): string[] {
  return gitleaks.flatMap(({ expression, entropy, group, keyword }) => {
    if (!text.toLowerCase().includes(keyword)) return []
    const matcher = expression.matcher(text)
    const secret = matcher.find() ? (matcher.group(group) as string) : undefined
    return secret !== undefined && entropyOf(secret) > entropy ? [secret] : []
  })
}

function foundBy(expressions: readonly RE2JS[], text: string): string[] {
  return expressions.flatMap((expression) => {
    const matcher = expression.matcher(text)
    return matcher.find() ? [matcher.group(1) as string] : []
  })
}

function entropyOf(text: string): number {
  const counts = new Map<string, number>()
  for (const letter of text) counts.set(letter, (counts.get(letter) ?? 0) + 1)
  return [...counts.values()].reduce((sum, count) => {
    const share = count / text.length
    return sum - share * Math.log2(share)
  }, 0)
}

const TEXTS = (secret: string) => [
  secret,
  `KEY=${secret}`,
  `{"key":"${secret}"}`,
  `curl -H "Authorization: Bearer ${secret}"\n`,
  `https://x.test/?key=${secret}&a=1`,
]

describe('the rules of each scanner', () => {
  it('find every secret of the test vectors, and random secrets, in text', () => {
    const minted = PREFIXES.flatMap((prefix) =>
      Array.from({ length: 20 }, () => mintSecret(prefix, mintId())),
    )
    expect(VECTORS.length).toBeGreaterThan(0)
    for (const secret of [...VECTORS.map((each) => each.secret), ...minted])
      for (const text of TEXTS(secret)) {
        expect(foundByGitleaks(text)).toEqual([secret])
        expect(foundBy(trufflehog, text)).toEqual([secret])
        expect(foundBy(github, text)).toEqual([secret])
      }
  })

  it('find nothing in random text and in texts that are almost secrets', () => {
    const secret = mintSecret('acme', mintId())
    const almost = [
      `x${secret}`,
      `${secret}x`,
      secret.slice(0, -1),
      secret.replace('acme', 'acne'),
      secret.replace('_', '-'),
      'acme_',
    ]
    for (const text of almost)
      expect([
        ...foundByGitleaks(text),
        ...foundBy(trufflehog, text),
        ...foundBy(github, text),
      ]).toEqual([])
    const all = 1_000_000
    const many = rounds(all) === all ? all : 20_000
    const chunk = 1_000
    for (let i = 0; i < many; i += chunk) {
      const text = Array.from({ length: chunk }, (_, n) => {
        const random = randomBase62(71)
        return n % 2 ? random : `acme${random.slice(0, 67)}`
      }).join('\n')
      expect([
        ...foundByGitleaks(text),
        ...foundBy(trufflehog, text),
        ...foundBy(github, text),
      ]).toEqual([])
    }
  })

  it('use the expression of secretPattern', () => {
    for (const { secretFormat, name } of rules.github)
      expect(`\\b${secretFormat}\\b`).toBe(secretPattern(name.replace(/ secret$/, '')).source)
  })
})

describe('scannerRules', () => {
  it('writes each format as its scanner documents it', () => {
    const one = scannerRules({ prefixes: ['Acme'], trufflehogVerifyUrl: "https://x.test/o'clock" })
    expect(one.gitleaks).toBe(
      [
        '[[rules]]',
        'id = "Acme-secret"',
        'description = "Secret of an API key with the prefix Acme"',
        "regex = '''\\b(Acme_[0-9A-Za-z]{65})\\b'''",
        'secretGroup = 1',
        'entropy = 3.5',
        'keywords = ["acme_"]',
        '',
      ].join('\n'),
    )
    expect(one.trufflehog).toBe(
      [
        'detectors:',
        "  - name: 'Acme'",
        '    keywords:',
        "      - 'acme_'",
        '    regex:',
        "      secret: '\\b(Acme_[0-9A-Za-z]{65})\\b'",
        '    verify:',
        "      - endpoint: 'https://x.test/o''clock'",
        '',
      ].join('\n'),
    )
    expect(one.github).toEqual([
      {
        name: 'Acme secret',
        secretFormat: 'Acme_[0-9A-Za-z]{65}',
        beforeSecret: '\\A|[^0-9A-Za-z_]',
        afterSecret: '\\z|[^0-9A-Za-z_]',
      },
    ])
  })

  it.each([
    ['no options', undefined],
    ['no prefixes', {}],
    ['an empty list', { prefixes: [] }],
    ['a prefix that is no prefix', { prefixes: ["x'''"] }],
    ['a text', { prefixes: 'acme' }],
    ['an unknown option', { prefixes: ['acme'], prefix: 'x' }],
    ['an http URL', { prefixes: ['acme'], trufflehogVerifyUrl: 'http://x.test/' }],
    ['a URL with a line break', { prefixes: ['acme'], trufflehogVerifyUrl: 'https://x.test/\na' }],
  ])('throws a TypeError for %s', (_, options) => {
    expect(() => scannerRules(options as never)).toThrow(TypeError)
  })
})
