import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string) => readFileSync(`${root}/${path}`, 'utf8')
const page = read('docs/options.md')

describe('docs/options.md names exactly the members of the source', () => {
  test('for createTwinkey', () => {
    const nested = {
      tokens: membersOf('src/options.ts', 'TokenOptions'),
      pepper: membersOf('src/core/secrets/digest.ts', 'Pepper'),
      'importedSecrets[]': membersOf(
        'src/core/secrets/imported-secrets.ts',
        'ImportedSecretFormat',
      ),
      cache: membersOf('src/options.ts', 'TwinkeyOptions', 'cache'),
    }
    const whole = Object.keys(nested).map((name) => name.replace('[]', ''))
    const plain = membersOf('src/options.ts', 'TwinkeyOptions').filter(
      (name) => !whole.includes(name),
    )
    const dotted = Object.entries(nested).flatMap(([name, members]) =>
      members.map((member) => `${name}.${member}`),
    )
    expect(firstCells('createTwinkey')).toEqual([...plain, ...dotted].sort())
  })

  test.each([
    ['requireAuth', 'src/guard/requirement.ts', 'Requirement'],
    ['tokenEndpoints', 'src/endpoints/tokens/token-endpoints.ts', 'TokenEndpointOptions'],
    ['createVerifier', 'src/verifier/index.ts', 'VerifierOptions'],
  ])('for %s', (heading, file, type) => {
    expect(firstCells(heading)).toEqual(membersOf(file, type).sort())
  })

  test('for the stores', () => {
    const options = {
      postgresStore: [
        ...membersOf('src/stores/postgres/index.ts', 'PostgresStoreOptions'),
        ...membersOf('src/stores/postgres/migrations.ts', 'PostgresMigrationOptions'),
      ],
      sqliteStore: membersOf('src/stores/sqlite/migrations.ts', 'SqliteStoreOptions'),
      redisStore: membersOf('src/stores/redis/options.ts', 'RedisStoreOptions'),
    }
    const expected = Object.entries(options).flatMap(([store, members]) =>
      members.map((member) => `${store}: ${member}`),
    )
    expect(firstCells('Stores')).toEqual(expected.sort())
  })

  const actor = membersOf('src/core/model/key-input.ts', 'ActorOption')
  const created = membersOf('src/core/model/key-input.ts', 'CreateKeyInput')
  const takes: Readonly<Record<string, readonly string[]>> = {
    create: [...created, ...actor],
    import: [
      ...new Set([
        ...created,
        ...membersOf('src/core/management/key-import.ts', 'ImportKeyInput'),
        ...actor,
      ]),
    ],
    get: [],
    list: membersOf('src/core/model/key-input.ts', 'ListKeysInput'),
    update: [...membersOf('src/core/model/key-input.ts', 'UpdateKeyInput'), ...actor],
    rotate: [...membersOf('src/core/model/key-input.ts', 'RotateOptions'), ...actor],
    revokeAll: ['owner', 'tenant', ...actor],
    verify: [],
  }

  test('for the methods of keys, and what each takes', () => {
    const methods = [
      ...membersOf('src/core/management/key-management.ts', 'Keyring'),
      ...membersOf('src/twinkey.ts', 'Keys'),
    ]
    const [table = []] = tablesUnder('Methods')
    expect(table.map(([name]) => codesOf(name)[0]).sort()).toEqual(methods.sort())
    for (const [name, members] of table) {
      const [method = ''] = codesOf(name)
      expect(`${method}: ${codesOf(members).sort()}`).toBe(
        `${method}: ${[...(takes[method] ?? actor)].sort()}`,
      )
    }
  })

  test('for what the methods of keys take, each with its form', () => {
    const [, table = []] = tablesUnder('Methods')
    const named = new Set(table.flatMap(([cell]) => codesOf(cell)))
    const all = new Set(Object.values(takes).flat())
    // The two that only an import has are on its own page.
    for (const elsewhere of ['primary', 'list']) all.add(elsewhere)
    named.add('primary')
    expect([...named].sort()).toEqual([...all].sort())
  })

  test('for the methods of a Twinkey', () => {
    const [, , table = []] = tablesUnder('Methods')
    const tokens = membersOf('src/core/management/token-issuer.ts', 'Tokens').map(
      (name) => `tokens.${name}`,
    )
    const own = membersOf('src/twinkey.ts', 'Twinkey').filter(
      (name) => name !== 'keys' && name !== 'tokens',
    )
    expect(table.flatMap(([cell]) => codesOf(cell)).sort()).toEqual([...tokens, ...own].sort())
  })

  test('for the events, and what each has', () => {
    const source = 'src/core/model/events.ts'
    const events = ['KeyEvent', 'TokenEvent', 'AllowedEvent', 'RefusedEvent', 'WarningEvent'].map(
      (type) => {
        const members = membersOf(source, type).filter((name) => name !== 'type' && name !== 'at')
        return [stringsOf(source, type, 'type').sort(), members.sort()]
      },
    )
    const [table = []] = tablesUnder('Events')
    expect(
      table.map(([types, members]) => [codesOf(types).sort(), codesOf(members).sort()]),
    ).toEqual(events)
  })
})

/** The names of what stands in an interface itself, or in the object that one of its members is. */
function membersOf(file: string, type: string, member?: string): string[] {
  const names = membersIn(file, type, member).map(({ name }) => name?.getText() ?? '')
  expect(names.length, `members of ${type} in ${file}`).toBeGreaterThan(0)
  return [...new Set(names)]
}

/** The strings of the union that a member of an interface is. */
function stringsOf(file: string, type: string, member: string): string[] {
  const found = membersIn(file, type).find(({ name }) => name?.getText() === member)
  return [...(found?.getText() ?? '').matchAll(/'([^']+)'/g)].map(([, text]) => text ?? '')
}

function membersIn(file: string, type: string, member?: string): readonly ts.TypeElement[] {
  const source = ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest, true)
  const found = source.statements
    .filter(ts.isInterfaceDeclaration)
    .find(({ name }) => name.text === type)
  if (found === undefined) throw new Error(`There is no interface ${type} in ${file}`)
  if (member === undefined) return found.members
  const declared = found.members.find(
    ({ name }) => name?.getText() === member,
  ) as ts.PropertySignature
  const literal = ts.isUnionTypeNode(declared.type as ts.TypeNode)
    ? (declared.type as ts.UnionTypeNode).types[0]
    : declared.type
  return (literal as ts.TypeLiteralNode).members
}

/** The tables of a section, as rows of cells, without their heads. */
function tablesUnder(heading: string): string[][][] {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? ''
  return section.split(/^\|---.*\n/m).flatMap((text, index) => {
    const rows = text.split(/\n(?!\|)/)[0] ?? ''
    return index === 0 ? [] : [rows.split('\n').map((row) => row.split('|').slice(1, -1))]
  })
}

function firstCells(heading: string): string[] {
  return tablesUnder(heading)
    .flat()
    .flatMap(([cell]) => codesOf(cell))
    .sort()
}

function codesOf(cell = ''): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text ?? '')
}
