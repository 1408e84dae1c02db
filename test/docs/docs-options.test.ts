import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { OPERATIONS } from '../../src/core/model/operations.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string) => readFileSync(`${root}/${path}`, 'utf8')
const page = read('docs/options.md')

describe('docs/options.md names exactly the members of the source', () => {
  test('for createTwinkey', () => {
    const nested = {
      tokens: membersOf('src/core/tokens/token-options.ts', 'TokenOptions'),
      pepper: membersOf('src/core/secrets/digest.ts', 'Pepper'),
      'importedSecrets[]': membersOf(
        'src/core/secrets/imported-secrets.ts',
        'ImportedSecretFormat',
      ),
      cache: membersOf('src/options.ts', 'TwinkeyOptions', 'cache'),
      policies: membersOf('src/core/management/deployment-policies.ts', 'DeploymentPolicies'),
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
    ['managementEndpoints', 'src/endpoints/management/options.ts', 'ManagementOptions'],
    ['paneEndpoints', 'src/endpoints/pane/pane-options.ts', 'PaneOptions'],
    ['oauthEndpoints', 'src/endpoints/oauth/oauth-endpoints.ts', 'OAuthEndpointOptions'],
    ['gatewayEndpoints', 'src/endpoints/gateway/gateway-endpoints.ts', 'GatewayOptions'],
    ['leakEndpoints', 'src/endpoints/leaks/options.ts', 'LeakEndpointOptions'],
    ['createVerifier', 'src/verifier/index.ts', 'VerifierOptions'],
    ['createClient', 'src/client/options.ts', 'ClientOptions'],
  ])('for %s', (heading, file, type) => {
    expect(firstCells(heading)).toEqual(membersOf(file, type).sort())
  })

  test('for the stores', () => {
    const options = {
      postgresStore: [
        ...membersOf('src/stores/postgres/index.ts', 'PostgresStoreOptions'),
        ...membersOf('src/stores/postgres/migrations.ts', 'PostgresMigrationOptions'),
      ],
      d1Store: membersOf('src/stores/d1/migrations.ts', 'D1StoreOptions'),
      mysqlStore: membersOf('src/stores/mysql/migrations.ts', 'MysqlStoreOptions'),
      sqliteStore: membersOf('src/stores/sqlite/migrations.ts', 'SqliteStoreOptions'),
      redisStore: membersOf('src/stores/redis/options.ts', 'RedisStoreOptions'),
    }
    const expected = Object.entries(options).flatMap(([store, members]) =>
      members.map((member) => `${store}: ${member}`),
    )
    expect(firstCells('Stores')).toEqual(expected.sort())
  })

  const takes: Readonly<Record<string, readonly string[]>> = {
    ...Object.fromEntries(
      Object.entries(OPERATIONS).map(([name, { input }]) => [name, Object.keys(input)]),
    ),
    all: Object.keys(OPERATIONS.list.input).filter((name) => name !== 'cursor'),
    verify: [],
    identify: [],
    within: membersOf('src/core/management/authority.ts', 'KeyringLimits'),
    forgetHistory: [],
  }

  test('for the operations, whose members are those of the types', () => {
    const of = (file: string, type: string) => membersOf(`src/core/${file}.ts`, type)
    const input = 'model/key-input'
    const actor = of(input, 'ActorOption')
    const change = [...of(input, 'ChangeOptions'), ...actor]
    const created = [...of(input, 'CreateKeyInput'), ...actor]
    const history = of('model/query-input', 'HistoryInput')
    const types: Record<string, string[]> = {
      create: created,
      import: [...new Set([...created, ...of('management/key-import', 'ImportKeyInput')])],
      list: of('model/query-input', 'ListKeysInput'),
      history: [...history, 'after'],
      update: [...of(input, 'UpdateKeyInput'), ...change],
      rotate: [...of(input, 'RotateOptions'), ...change],
      renew: [...of(input, 'RenewOptions'), ...change],
      disable: change,
    }
    for (const [operation, members] of Object.entries(types))
      expect([operation, ...(takes[operation] ?? [])].sort()).toEqual(
        [operation, ...members].sort(),
      )
  })

  test('for the methods of keys, and what each takes', () => {
    const methods = [
      ...membersOf('src/core/management/key-management.ts', 'Keyring'),
      ...membersOf('src/keys.ts', 'Keys'),
    ]
    const [table = []] = tablesUnder('Methods')
    expect(table.map(([name]) => codesOf(name)[0]).sort()).toEqual(methods.sort())
    for (const [name, members] of table) {
      const [method = ''] = codesOf(name)
      expect(`${method}: ${codesOf(members).sort()}`).toBe(
        `${method}: ${[...(takes[method] ?? [])].sort()}`,
      )
    }
  })

  test('for what the methods of keys take, each with its form', () => {
    const [, table = []] = tablesUnder('Methods')
    const named = new Set(table.flatMap(([cell]) => codesOf(cell)))
    const all = new Set(Object.values(takes).flat())
    // What only an import takes, and the limits of a keyring, are on their own pages.
    for (const elsewhere of ['list']) all.add(elsewhere)
    for (const elsewhere of ['primary', 'keyId', 'after', ...(takes['within'] ?? [])])
      named.add(elsewhere)
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
    const own = ['TokenEvent', 'AllowedEvent', 'RefusedEvent', 'WarningEvent'].map((type) => {
      const members = membersOf(source, type).filter((name) => name !== 'type' && name !== 'at')
      return [stringsOf(source, type, 'type').sort(), members.sort()]
    })
    const entry = membersOf('src/core/model/history.ts', 'HistoryEntry')
    const hidden = ['type', 'at', 'requestDigest']
    const types = read('src/core/model/history.ts').matchAll(/\| '(key\.\w+)'/g)
    const changes = [...types].map(([, type]) => type).sort()
    const events = [[changes, entry.filter((name) => !hidden.includes(name)).sort()], ...own]
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
