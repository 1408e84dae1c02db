import { createTwinkey, generateSigningKey, hasValidChecksum } from 'twinkey'
import { scannerRules } from 'twinkey/leaks'
import { beforeAll, describe, expect, test } from 'vitest'
import { COMMANDS } from '../../src/cli/commands/index.ts'
import { cellsOf, tableOf } from '../../src/cli/table.ts'
import { createTerminal } from './terminal.ts'

const twinkey = createTwinkey({
  tokens: { signingKeys: [await generateSigningKey()] },
})
const twinkeyOn = createTerminal(twinkey)
const scope = { tenants: ['t1'], workflows: ['customers.read'] }

describe('a table', () => {
  beforeAll(async () => {
    const name = 'A name that is far too long for one line of a terminal with eighty columns'
    await twinkey.keys.create({ name, owner: '\u5c71\u7530\u592a\u90ce', scope })
    await twinkey.keys.create({ name: 'Reversed \u202e name', owner: 'eve', scope })
  })

  test.each([
    [60, 80],
    [80, 80],
    [100, 100],
    [200, 120],
  ])(
    'of a terminal with %i columns is at most %i columns wide and aligned',
    async (columns, width) => {
      const { out } = await twinkeyOn('keys list', { columns, env: { NO_COLOR: '1' } })
      const lines = out.trimEnd().split('\n')
      expect(Math.max(...lines.map(cellsOf))).toBeLessThanOrEqual(width)
      const starts = lines.map((line) => cellsOf(line.slice(0, line.search(/STATE|active/))))
      expect(new Set(starts).size).toBe(1)
    },
  )

  test('can have more rows than a function takes arguments', () => {
    const rows = Array.from({ length: 150_000 }, (_, at) => [`${at}`])
    const output = { write: () => {}, isTerminal: false, columns: undefined, isClosed: () => false }
    expect(tableOf([{ heading: 'ID' }], rows, output)).toHaveLength(150_001)
  })

  test('for another program is not cut and has no colours', async () => {
    const { out } = await twinkeyOn('keys list')
    expect(out).toContain('far too long for one line of a terminal with eighty columns')
    expect(out).not.toContain('\u001b')
  })

  test('has colours on a terminal, without NO_COLOR', async () => {
    expect((await twinkeyOn('keys list', { columns: 80 })).out).toContain('\u001b[1m')
    const env = { NO_COLOR: '1' }
    expect((await twinkeyOn('keys list', { columns: 80, env })).out).not.toContain('\u001b')
  })

  test('has a colour for each state, which does not shift the columns', async () => {
    const { id } = (await twinkey.keys.create({ name: 'Stopped', scope })).key
    await twinkey.keys.disable(id)
    const { out } = await twinkeyOn('keys list', { columns: 120 })
    expect(out).toContain('\u001b[32mactive')
    expect(out).toContain('\u001b[33mdisabled')
    const plain = await twinkeyOn('keys list', { columns: 120, env: { NO_COLOR: '1' } })
    const [start, ...parts] = out.split('\u001b[')
    expect([start, ...parts.map((part) => part.replace(/^\d+m/, ''))].join('')).toBe(plain.out)
  })

  test('has no characters that change the direction of text', async () => {
    expect((await twinkeyOn('keys list')).out).not.toContain('\u202e')
  })
})

describe('a change that cannot be undone', () => {
  const create = async () =>
    (await twinkey.keys.create({ name: 'Ending', owner: 'ada', scope })).key
  const lines = (id: string) => [
    `keys revoke ${id}`,
    `keys delete ${id}`,
    `keys renew ${id} --slots primary`,
    `keys end-secondary ${id}`,
    `keys rotate ${id} --replace secondary`,
    `keys rotate ${id} --grace 0s`,
    'keys revoke-all --owner ada',
  ]

  test('is refused without a terminal, unless --yes is given', async () => {
    const { id, version } = await create()
    for (const line of lines(id)) {
      const { code, out, err } = await twinkeyOn(line)
      expect({ line, code, out }).toEqual({ line, code: 2, out: '' })
      expect(err).toContain('Add --yes')
    }
    expect(await twinkey.keys.get(id)).toMatchObject({ version })
  })

  test('is not made if the answer is not yes', async () => {
    const { id, version } = await create()
    for (const line of lines(id))
      for (const answer of ['', 'n', 'yess']) {
        const { code, out, err, questions } = await twinkeyOn(line, { answers: [answer] })
        expect({ line, code, out, err }).toEqual({
          line,
          code: 1,
          out: '',
          err: 'Nothing was changed.\n',
        })
        expect(questions).toEqual([expect.stringContaining('[y/N]')])
      }
    expect(await twinkey.keys.get(id)).toMatchObject({ version })
  })

  test('is made after yes', async () => {
    const { id } = await create()
    const { code, questions } = await twinkeyOn(`keys revoke ${id}`, { answers: ['y'] })
    expect(code).toBe(0)
    expect(questions).toEqual([`Revoke key "Ending" of ada (${id})? This cannot be undone. [y/N] `])
    expect(await twinkey.keys.get(id)).toMatchObject({ state: 'revoked' })
  })
})

describe('token', () => {
  const exchange = async () => {
    const { key, primary } = await twinkey.keys.create({ name: 'Exchanged', scope })
    const issued = await twinkey.tokens.issue(primary)
    if (!issued.ok) throw new Error('The exchange was refused')
    return { key, primary, token: issued.token }
  }

  test('shows the claims of a valid token', async () => {
    const { key, token } = await exchange()
    const { code, out } = await twinkeyOn('token --json', { files: { '-': `${token}\n` } })
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      header: { typ: 'at+jwt', alg: 'ES256' },
      claims: { iss: 'twinkey', sub: key.id },
      valid: true,
      keyId: key.id,
    })
    expect((await twinkeyOn(['token', token])).out).toContain(
      `The token is valid, and key ${key.id} is active.`,
    )
  })

  test('says that a token is not valid, with exit code 1', async () => {
    const { key, token } = await exchange()
    await twinkey.keys.revoke(key.id)
    const { code, out } = await twinkeyOn(['token', token])
    expect(code).toBe(1)
    expect(out).toContain('The token is NOT valid (credential_invalid)')
  })

  test('shows claims without a configuration', async () => {
    const { token } = await exchange()
    const { code, out } = await twinkeyOn('token --no-verify', { files: { '-': token } })
    expect(code).toBe(0)
    expect(out).toContain('Not verified: anyone can write such claims.')
  })

  test('a claim that anyone can write cannot move the cursor or fake the verification', async () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const claims = { '\u001b[2J\nThe token is valid': 1, c1: '\u009b2J', bidi: '\u202e\u{e0041}' }
    const token = `${part({ alg: 'none' })}.${part(claims)}.`
    const { out } = await twinkeyOn(['token', '--no-verify', token])
    expect(out).not.toMatch(/[^\P{Cc}\n]|\p{Cf}|^The token is valid/mu)
    const json = await twinkeyOn(['token', '--no-verify', '--json', token])
    expect(json.out).not.toMatch(/[^\P{Cc}\n]|\p{Cf}/u)
    expect(JSON.parse(json.out).claims).toEqual(claims)
  })

  test('does not repeat a secret that was given instead', async () => {
    const { primary } = await exchange()
    const { code, out, err } = await twinkeyOn(['token', primary])
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain('This is a secret, not a token.')
    expect(err).not.toContain(primary.slice(25, 35))
  })
})

test('signing-key prints a private JWK with its time, which createTwinkey accepts', async () => {
  for (const algorithm of ['ES256', 'EdDSA']) {
    const { out } = await twinkeyOn(`signing-key --algorithm ${algorithm}`)
    const jwk = JSON.parse(out)
    expect(jwk).toMatchObject({ alg: algorithm, d: expect.any(String), iat: expect.any(Number) })
    const { settings, tokens } = createTwinkey({ tokens: { signingKeys: [jwk] } })
    expect(settings().signingKeys).toMatchObject([{ canSign: true, createdAt: jwk.iat * 1000 }])
    expect((await tokens.jwks()).keys).toEqual([expect.not.objectContaining({ d: jwk.d })])
  }
})

test('pepper prints 32 bytes in base64', async () => {
  const { out } = await twinkeyOn('pepper')
  expect(Buffer.from(out.trim(), 'base64')).toEqual(Buffer.alloc(32, 7))
  expect(JSON.parse((await twinkeyOn('pepper --json')).out)).toEqual({ pepper: out.trim() })
})

test('--version and --help', async () => {
  expect(await twinkeyOn('--version')).toMatchObject({ code: 0, out: '1.2.3\n' })
  const { out } = await twinkeyOn('--help')
  expect((await twinkeyOn('')).out).toBe(out)
  const lines = [...out.matchAll(/^ {2}((?:keys )?[a-z][a-z-]+)(?: \[?[A-Z]+\]?)? {2,}/gm)]
  const commands = lines.map(([, words]) => words as string)
  expect(commands).toHaveLength(22)
  for (const command of commands) {
    const help = await twinkeyOn(`${command} --help`)
    expect(help).toMatchObject({ code: 0, err: '' })
    expect(help.out).toContain(`Usage: twinkey ${command}`)
  }
  expect((await twinkeyOn('keys --help')).out).toContain('keys revoke-all')
  const onTerminal = await twinkeyOn('keys list --help', { columns: 80 })
  for (const heading of ['Options', 'Options of every command', 'Examples'])
    expect(onTerminal.out).toContain(`\n\u001b[1m${heading}\u001b[22m\n`)
  expect(out).not.toContain('\u001b')
})

test('the help of every option is a sentence that says more than its name', () => {
  const options = COMMANDS.flatMap(({ words, flags }) => flags.map((flag) => ({ words, ...flag })))
  expect(options.length).toBeGreaterThan(60)
  const wrong = options.filter(
    ({ help }) =>
      !/^[A-Z]\w*(?: [^ ]+)+$/.test(help) ||
      /^Not\b|^Without\b|\ba [aeiou](?!n?e\b|ser\b)|\ban [^aeiou]|\.$/i.test(help),
  )
  expect(wrong.map(({ words, name, help }) => `${words} --${name}: ${help}`)).toEqual([])
})

describe('scanner-rules', () => {
  const prefixes = ['acme', 'old_acme']
  const verifyUrl = "https://api.example/it's"
  const run = createTerminal(createTwinkey({ prefixes }))
  const rules = scannerRules({ prefixes })

  test('prints the rules for the prefixes of the application', async () => {
    expect(await run('scanner-rules')).toMatchObject({ code: 0, out: rules.gitleaks, err: '' })
    for (const format of ['gitleaks', 'trufflehog'] as const)
      expect((await run(`scanner-rules --format ${format}`)).out).toBe(rules[format])
    const verified = await run(`scanner-rules --format trufflehog --verify-url ${verifyUrl}`)
    expect(verified.out).toBe(scannerRules({ prefixes, trufflehogVerifyUrl: verifyUrl }).trufflehog)
  })

  test('prints each field of a pattern for GitHub', async () => {
    const { out } = await run('scanner-rules --format github')
    for (const pattern of rules.github)
      for (const field of Object.values(pattern)) expect(out).toContain(field)
    expect(out.match(/^ {2}Secret format /gm)).toHaveLength(prefixes.length)
  })

  test.each(['gitleaks', 'trufflehog', 'github'] as const)('prints JSON of %s', async (format) => {
    const { out } = await run(`scanner-rules --format ${format} --json`)
    expect(JSON.parse(out)).toEqual({ [format]: rules[format] })
  })
})

test('no output of a command but a new secret has a secret', async () => {
  const { key } = await twinkey.keys.create({ name: 'Quiet', scope })
  for (const line of [
    `keys get ${key.id}`,
    'keys list --all',
    'history',
    `keys get ${key.id} --json`,
  ]) {
    const { out, err } = await twinkeyOn(line)
    expect((out + err).split(/[\s",]+/).filter(hasValidChecksum)).toEqual([])
  }
})
