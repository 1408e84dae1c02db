import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'

interface Import {
  readonly from: string
  readonly to: string
  /** Whether the import disappears when types are removed. */
  readonly typeOnly: boolean
}

interface Source {
  readonly path: string
  readonly lines: number
  readonly imports: readonly Import[]
  /**
   * Names that refer to something outside the file, as in `process` or `Date.now`. Comments and
   * strings do not count.
   */
  readonly globals: readonly string[]
}

const root = fileURLToPath(new URL('..', import.meta.url))

function isTypeOnly(node: ts.ImportDeclaration | ts.ExportDeclaration): boolean {
  if (ts.isExportDeclaration(node)) {
    const { exportClause } = node
    return (
      node.isTypeOnly ||
      (exportClause !== undefined &&
        ts.isNamedExports(exportClause) &&
        exportClause.elements.every((each) => each.isTypeOnly))
    )
  }
  const clause = node.importClause
  if (clause === undefined) return false
  if (clause.isTypeOnly) return true
  const named = clause.namedBindings
  return (
    clause.name === undefined &&
    named !== undefined &&
    ts.isNamedImports(named) &&
    named.elements.every((each) => each.isTypeOnly)
  )
}

// Whether it converts a time that it is given, without reading the clock.
function isDateOfGivenTime(name: string, parent: ts.Node): boolean {
  if (name === 'Date.parse' || name === 'Date.UTC') return true
  return name === 'Date' && ts.isNewExpression(parent) && (parent.arguments?.length ?? 0) > 0
}

function read(path: string): Source {
  const text = readFileSync(join(root, path), 'utf8')
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const imports: Import[] = []
  const globals: string[] = []
  const add = (specifier: string, typeOnly: boolean) =>
    imports.push({
      from: path,
      to: specifier.startsWith('.') ? normalize(join(dirname(path), specifier)) : specifier,
      typeOnly,
    })
  const visit = (node: ts.Node): void => {
    if (
      (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) &&
      node.moduleSpecifier !== undefined
    ) {
      add((node.moduleSpecifier as ts.StringLiteral).text, isTypeOnly(node))
    }
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      add((node.argument.literal as ts.StringLiteral).text, true)
    if (
      ts.isCallExpression(node) &&
      (node.expression.kind === ts.SyntaxKind.ImportKeyword ||
        node.expression.getText() === 'require')
    ) {
      const [specifier] = node.arguments
      add(
        specifier !== undefined && ts.isStringLiteral(specifier) ? specifier.text : '(computed)',
        false,
      )
    }
    // A name after a dot or before a colon is a member, not a global. A type reads nothing.
    if (
      ts.isIdentifier(node) &&
      !ts.isTypeReferenceNode(node.parent) &&
      !(ts.isPropertyAccessExpression(node.parent) && node.parent.name === node) &&
      !ts.isPropertyAssignment(node.parent)
    ) {
      const name = ts.isPropertyAccessExpression(node.parent) ? node.parent.getText() : node.text
      if (!isDateOfGivenTime(name, node.parent)) globals.push(name)
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return { path, lines: text.split('\n').length - 1, imports, globals }
}

function filesUnder(folder: string, ending: string): string[] {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  return names.filter((name) => name.endsWith(ending)).map((name) => join(folder, name))
}

const PAGE = 'src/pane-app/'
// The page runs in browsers and has rules of its own.
const sources = filesUnder('src', '.ts')
  .filter((path) => !path.startsWith(PAGE))
  .map(read)
const imports = sources.flatMap((source) => source.imports)
const inside = imports.filter(({ to }) => to.startsWith('src/'))
/** The room of a file: its folder under src, and in the core the folder below that. */
const roomOf = (path: string) => /^src\/(core\/\w+|[\w-]+)\//.exec(path)?.[1] ?? 'root'
const partOf = (path: string) => dirname(path)
const shown = ({ from, to, typeOnly }: Import) => `${from} -> ${to}${typeOnly ? ' (types)' : ''}`

it('the parser finds the sources and their imports', () => {
  expect(sources.length).toBeGreaterThan(30)
  expect(inside.length).toBeGreaterThan(100)
  expect(inside.map(shown)).toContain('src/core/tokens/token.ts -> src/core/secrets/secret.ts')
  expect(inside.map(shown)).toContain(
    'src/core/tokens/token.ts -> src/core/tokens/signing-key.ts (types)',
  )
  expect(sources.map(({ path }) => path)).toEqual(
    expect.arrayContaining(
      [...new Set(inside.map(({ to }) => to))].filter((to) => !to.startsWith(PAGE)),
    ),
  )
})

describe('imports', () => {
  // From the bottom up. A room may import itself and the rooms above it in this list.
  const ORDER = [
    'core/secrets',
    'core/model',
    'core/store',
    'core/cache',
    'core/tokens',
    'core/decision',
    'core/management',
    'http',
    'profiles',
    'guard',
    'endpoints',
    'adapters',
  ]
  // Rooms outside that order, and the rooms that each may import.
  const BESIDE: Record<string, readonly string[]> = {
    stores: ['core/store', 'core/model'],
    testing: ['core/store', 'core/model'],
    telemetry: ['core/model'],
    limits: ['core/model'],
    openapi: ['core/model', 'core/decision', 'http', 'profiles', 'guard'],
    cli: ['core/model', 'endpoints', 'root'],
    client: [],
    verifier: [
      'core/secrets',
      'core/model',
      'core/store',
      'core/tokens',
      'core/decision',
      'http',
      'guard',
      'telemetry',
    ],
    root: [...ORDER.filter((room) => room !== 'adapters'), 'stores', 'telemetry'],
  }
  // Rooms whose folders may not import each other, except for shared folders. Hono uses
  // web-standard requests. NestJS runs on Express or Fastify, whose requests and answers it shares.
  const SHARED = {
    stores: ['src/stores/shared'],
    adapters: ['src/adapters/node', 'src/adapters/web'],
  }
  const rooms = [...ORDER, ...Object.keys(BESIDE)]
  const allowedFor = (room: string) => [
    room,
    ...(BESIDE[room] ?? ORDER.slice(0, ORDER.indexOf(room))),
  ]

  it.each(rooms)('of %s follow the order of the rooms', (room) => {
    const ofRoom = inside.filter(({ from }) => roomOf(from) === room)
    // The server checks the names of replaced texts by the texts of the page.
    const isShared = ({ from, to }: Import) =>
      from.startsWith('src/endpoints/pane/') && to === 'src/pane-app/strings.ts'
    expect(
      ofRoom
        .filter((each) => !allowedFor(room).includes(roomOf(each.to)) && !isShared(each))
        .map(shown),
    ).toEqual([])
  })

  it('of the command line are two public subpaths and the table of operations', () => {
    // `twinkey` and `twinkey/leaks`. Its options derive from the table, which is data.
    const found = inside.filter(({ from, to }) => roomOf(from) === 'cli' && roomOf(to) !== 'cli')
    expect([...new Set(found.map(({ to }) => to))].sort()).toEqual([
      'src/core/model/operations.ts',
      'src/endpoints/leaks/index.ts',
      'src/index.ts',
    ])
  })

  it.each(Object.entries(SHARED))(
    'never go from one folder of %s to another, except to a shared one',
    (room, shared) => {
      const across = inside.filter(
        ({ from, to }) =>
          roomOf(from) === room && roomOf(to) === room && partOf(from) !== partOf(to),
      )
      const platforms = ['src/adapters/express', 'src/adapters/fastify']
      const isAllowed = ({ from, to }: Import) =>
        shared.includes(partOf(to)) ||
        (partOf(from) === 'src/adapters/nest' && platforms.includes(partOf(to)))
      expect(across.filter((each) => !isAllowed(each)).map(shown)).toEqual([])
    },
  )

  it('of adapters and testing from the core are types', () => {
    const needing = inside.filter(
      ({ from, to }) =>
        ['adapters', 'testing'].includes(roomOf(from)) && roomOf(to).startsWith('core/'),
    )
    expect(needing.filter(({ typeOnly }) => !typeOnly).map(shown)).toEqual([])
  })

  it('are covered by a rule for every room, and each room has a short README', () => {
    expect([...new Set(sources.map(({ path }) => roomOf(path)))].sort()).toEqual([...rooms].sort())
    for (const room of rooms.filter((each) => each !== 'root')) {
      const readme = readFileSync(join(root, 'src', room, 'README.md'), 'utf8')
      expect(`${room}: ${readme.split('\n').length - 1 <= 15}`).toBe(`${room}: true`)
    }
  })

  it('follow the map in CONTRIBUTING.md, which has every room and its parts', () => {
    const text = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8')
    const map = text.slice(text.indexOf('## The rooms'), text.indexOf('A room is a folder'))
    const drawn = new Set(map.match(/[a-z][a-z/-]*/g))
    const parts = ['adapters', 'endpoints'].flatMap((room) =>
      sources.filter(({ path }) => roomOf(path) === room).map(({ path }) => partOf(path)),
    )
    const names = [...new Set(parts)].map((path) => path.split('/').at(-1) as string)
    const expected = [...rooms, 'pane-app', ...names].filter((name) => name !== 'root')
    expect(expected.filter((name) => !drawn.has(name))).toEqual([])
  })

  it('have no cycles, not even of types', () => {
    const next = new Map(
      sources.map((source) => [
        source.path,
        source.imports.filter(({ to }) => to.startsWith('src/')),
      ]),
    )
    const done = new Set<string>()
    const rings: string[] = []
    const walk = (path: string, trail: readonly string[]): void => {
      if (trail.includes(path)) rings.push([...trail.slice(trail.indexOf(path)), path].join(' -> '))
      if (trail.includes(path) || done.has(path)) return
      for (const { to } of next.get(path) ?? []) walk(to, [...trail, path])
      done.add(path)
    }
    for (const { path } of sources) walk(path, [])
    expect(rings).toEqual([])
  })

  it('of Node modules are only in the files for Node', () => {
    const meant = [
      'src/core/secrets/hash.node.ts',
      'src/adapters/express/index.ts',
      'src/adapters/fastify/index.ts',
    ]
    const isMeant = (path: string) => meant.includes(path) || roomOf(path) === 'cli'
    expect(
      imports.filter(({ from, to }) => to.startsWith('node:') && !isMeant(from)).map(shown),
    ).toEqual([])
  })

  it('of packages are limited to jose and @noble/hashes, except for types of frameworks and drivers, and NestJS in its adapter', () => {
    // jose by its subpaths: importing all of it takes twice as long.
    const allowed = /^(?:jose\/[\w/]+|@noble\/hashes\/[\w.]+|#hash|node:.*)$/
    // Its decorators and exceptions are those of NestJS. The application has it.
    const isNest = ({ from, to }: Import) =>
      partOf(from) === 'src/adapters/nest' && /^@nestjs\/(?:common|core|websockets)$/.test(to)
    const others = imports.filter(
      (each) =>
        !isNest(each) &&
        !each.to.startsWith('src/') &&
        !each.typeOnly &&
        each.to !== '(computed)' &&
        !allowed.test(each.to),
    )
    expect(others.map(shown)).toEqual([])
  })

  it('have a literal specifier', () => {
    // The command line imports the configuration of the application.
    const computed = imports.filter(({ to }) => to === '(computed)')
    expect(computed.map(({ from }) => from)).toEqual(['src/cli/config.ts'])
  })
})

describe('the core', () => {
  it('uses no process, Buffer, clock of its own or randomness other than the CSPRNG', () => {
    const forbidden =
      /^(?:process|Buffer|Date|performance|Math\.random|globalThis|global|require|__dirname|setInterval|setImmediate)\b/
    const found = sources
      .filter(({ path }) => path.startsWith('src/core/'))
      .flatMap(({ path, globals }) =>
        globals.filter((each) => forbidden.test(each)).map((each) => `${path}: ${each}`),
      )
    expect(found).toEqual([])
  })

  it('has one timer, for deadlines', () => {
    const timed = sources.filter(
      ({ path, globals }) => path.startsWith('src/core/') && globals.includes('setTimeout'),
    )
    expect(timed.map(({ path }) => path)).toEqual(['src/core/store/timeout.ts'])
  })

  it('reads no system clock: only the options refer to it as their default, and telemetry measures', () => {
    const clocks = sources.filter(({ globals }) =>
      globals.some((each) => /^(?:Date|performance)\b/.test(each)),
    )
    expect(clocks.map(({ path }) => path).sort()).toEqual([
      'src/cli/process-io.ts',
      'src/client/options.ts',
      'src/options.ts',
      'src/telemetry/channels.ts',
      'src/telemetry/expiring-keys.ts',
      'src/telemetry/index.ts',
      'src/telemetry/spans.ts',
      'src/verifier/index.ts',
    ])
  })

  it('logs nothing', () => {
    const logging = sources.filter(({ globals }) =>
      globals.some((each) => /^(?:console|process|globalThis)\b/.test(each)),
    )
    // The process of the command line, a failing event listener, which cannot report itself, and the
    // modules of Node.
    expect(logging.map(({ path }) => path).sort()).toEqual([
      'src/cli/bin.ts',
      'src/cli/config.ts',
      'src/cli/process-io.ts',
      'src/telemetry/channels.ts',
      'src/telemetry/event-failures.ts',
    ])
  })
})

describe('the page', () => {
  const page = ['.ts', '.tsx'].flatMap((ending) => filesUnder(PAGE.slice(0, -1), ending)).map(read)
  const outside = page.flatMap((source) => source.imports).filter(({ to }) => !to.startsWith(PAGE))

  it('imports Preact, and only types of the server', () => {
    const isAllowed = ({ to, typeOnly }: Import) =>
      ['preact', 'preact/hooks'].includes(to) || (typeOnly && to.startsWith('src/core/'))
    expect(page.length).toBeGreaterThan(30)
    expect(outside.filter((each) => !isAllowed(each)).map(shown)).toEqual([])
  })

  it('stores nothing in the browser and builds no HTML from text', () => {
    const forbidden =
      /\b(?:localStorage|sessionStorage|indexedDB|cookie|innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|eval)\b/
    const found = page.filter(({ path }) => forbidden.test(readFileSync(join(root, path), 'utf8')))
    expect(found.map(({ path }) => path)).toEqual([])
  })

  it('has files of at most 300 lines', () => {
    const styles = filesUnder(PAGE.slice(0, -1), '.css').map(read)
    const long = [...page, ...styles].filter(({ lines }) => lines > 300)
    expect(long.map(({ path }) => path)).toEqual([])
  })
})

describe('objects of one copy of the package', () => {
  const texts = sources.map(({ path }) => readFileSync(join(root, path), 'utf8'))

  it('are marked only by registered symbols', () => {
    expect(texts.flatMap((text) => text.match(/\bSymbol\(.*/g) ?? [])).toEqual([])
    // A tracer keeps its own spans by the messages that it is given.
    expect(texts.flatMap((text) => text.match(/\bnew Weak(?:Map|Set)\b.*/g) ?? [])).toEqual([
      'new WeakMap<TraceMessage, Started>()',
    ])
  })

  it('are not recognised by instanceof, except for classes that stay within one createTwinkey', () => {
    const classes = new Set(
      texts.flatMap((text) => [...text.matchAll(/\binstanceof (\w+)/g)].map(([, name]) => name)),
    )
    expect([...classes].sort()).toEqual([
      'AbortSignal',
      'ArrayBuffer',
      'CredentialDenial',
      'FormData',
      'Headers',
      'Malformed',
      'Request',
      'SyntaxError',
      'TargetDenial',
      'URL',
      'URLSearchParams',
      'Uint8Array',
    ])
  })
})

describe('files', () => {
  it('have at most 300 lines, and adapters fewer than 80', () => {
    const long = sources.filter(
      ({ path, lines }) => lines > 300 || (roomOf(path) === 'adapters' && lines >= 80),
    )
    expect(long.map(({ path, lines }) => `${path}: ${lines}`)).toEqual([])
  })

  it('have specific names', () => {
    expect(
      sources
        .map(({ path }) => path)
        .filter((path) => /\/(?:utils?|helpers?|types?|managers?|common|misc)\.ts$/.test(path)),
    ).toEqual([])
  })

  it('have no default exports and no enums', () => {
    const found = sources.filter(({ path }) =>
      /^export default|^\s*(?:export )?(?:const )?enum /m.test(
        readFileSync(join(root, path), 'utf8'),
      ),
    )
    expect(found.map(({ path }) => path)).toEqual([])
  })
})

describe('the built package', () => {
  const built = filesUnder('dist', '.js').map(read)
  const outside = built.flatMap((file) => file.imports).filter(({ to }) => !to.startsWith('dist/'))

  it('exists', () => {
    expect(built.map(({ path }) => path)).toEqual(
      expect.arrayContaining([
        'dist/index.js',
        'dist/express.js',
        'dist/hash.js',
        'dist/hash.node.js',
      ]),
    )
  })

  it('imports at run time only jose, @noble/hashes and #hash, NestJS in the file for it, and node: modules only in the files for Node', () => {
    const found = new Set(
      outside.map(({ from, to }) => (from === 'dist/hash.node.js' ? `${to} (Node)` : to)),
    )
    const nodeOnly = new Set(
      outside.filter(({ to }) => to.startsWith('node:')).map(({ from }) => from),
    )
    // The command line imports the configuration of the application.
    // Its decorators and exceptions are those of NestJS, so the file imports it at run time.
    const nest = outside.filter(({ to }) => to.startsWith('@nestjs/'))
    expect(new Set(nest.map(({ from }) => from))).toEqual(new Set(['dist/nest.js']))
    for (const { to } of nest) {
      expect(to).toMatch(/^@nestjs\/(?:common|core|websockets)$/)
      found.delete(to)
    }
    const computed = outside.filter(({ to }) => to === '(computed)')
    expect(computed.map(({ from }) => from)).toEqual(['dist/cli.js'])
    found.delete('(computed)')
    for (const each of found)
      expect(each).toMatch(
        /^(?:jose\/[\w/]+|@noble\/hashes\/[\w.]+|#hash|node:crypto \(Node\)|node:[\w/]+)$/,
      )
    for (const path of nodeOnly)
      expect(path).toMatch(/^dist\/(?:hash\.node|express|fastify|cli)\.js$/)
    expect(found).toContain('#hash')
  })

  it('has the page for the browser in the pane only', () => {
    const holding = built.filter(({ path }) =>
      readFileSync(join(root, path), 'utf8').includes('--tk-accent'),
    )
    expect(holding.map(({ path }) => path)).toEqual(['dist/pane.js'])
    const importing = built
      .flatMap((file) => file.imports)
      .filter(({ to }) => to === 'dist/pane.js')
    expect(importing.map(shown)).toEqual([])
  })
})
