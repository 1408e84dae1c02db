import { execFileSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

// Shared by consumers.test.ts and consumers.interop.test.ts. Each consumer has its own folder.

export const root = fileURLToPath(new URL('../..', import.meta.url))
const sources = join(root, 'test/package/consumers')
const { ModuleKind, ModuleResolutionKind } = ts

// Outside the project, so that a consumer can resolve only what is installed in its folder.
const scratch = mkdtempSync(join(tmpdir(), 'twinkey-consumers-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

/**
 * A project that uses the package: its other packages, and the types and libraries for its
 * compiler.
 */
export interface Consumer {
  readonly packages: readonly string[]
  readonly types: readonly string[]
  readonly lib: readonly string[]
}

const DOM = [
  'lib.es2022.d.ts',
  'lib.dom.d.ts',
  'lib.dom.iterable.d.ts',
  'lib.dom.asynciterable.d.ts',
]
export const consumers: Readonly<Record<string, Consumer>> = {
  express: {
    packages: ['express', '@types/express', '@types/node'],
    types: ['node'],
    lib: ['lib.es2022.d.ts'],
  },
  fastify: {
    packages: ['fastify', 'pino', '@types/node'],
    types: ['node'],
    lib: ['lib.es2022.d.ts'],
  },
  hono: { packages: ['hono'], types: [], lib: DOM },
  web: { packages: [], types: [], lib: DOM },
}

export const modes: Readonly<Record<string, ts.CompilerOptions>> = {
  node16: { module: ModuleKind.Node16, moduleResolution: ModuleResolutionKind.Node16 },
  nodenext: { module: ModuleKind.NodeNext, moduleResolution: ModuleResolutionKind.NodeNext },
  'esnext and bundler': {
    module: ModuleKind.ESNext,
    moduleResolution: ModuleResolutionKind.Bundler,
  },
  'nodenext, CommonJS': {
    module: ModuleKind.NodeNext,
    moduleResolution: ModuleResolutionKind.NodeNext,
  },
  'node16, CommonJS': { module: ModuleKind.Node16, moduleResolution: ModuleResolutionKind.Node16 },
  // As in the classic template of NestJS. TypeScript 7 ends it.
  'node10, CommonJS': {
    module: ModuleKind.CommonJS,
    moduleResolution: ModuleResolutionKind.Node10,
    ignoreDeprecations: '6.0',
    esModuleInterop: true,
  },
}

export const ANSWERS = `GET /customers/c1 401 credential_missing
GET /customers/c1 200 primarysecret
GET /customers/c1 200 secondarysecret
DELETE /customers/c1 403 workflow_denied
GET /tenants/t1 200
GET /tenants/t2 403 tenant_denied
POST /tokens 200
GET /customers/c1 200 secondarytoken`

let tarball: string

beforeAll(() => {
  const [report] = JSON.parse(
    run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', scratch], root),
  )
  tarball = join(scratch, report.filename)
})

/** Creates the folder of a project and installs the packed package in it. */
export function install(
  name: string,
  packages: readonly string[],
  type: 'module' | 'commonjs',
): string {
  const folder = join(scratch, name.replace(/\W+/g, '-'))
  const installed = join(folder, 'node_modules/twinkey')
  mkdirSync(installed, { recursive: true })
  run('tar', ['-xzf', tarball, '--strip-components=1', '-C', installed], folder)
  for (const dependency of ['jose', '@noble/hashes'])
    cpSync(join(root, 'node_modules', dependency), join(folder, 'node_modules', dependency), {
      recursive: true,
    })
  // Linked, so that these packages find their own dependencies.
  for (const dependency of packages) {
    const link = join(folder, 'node_modules', dependency)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(root, 'node_modules', dependency), link, 'junction')
  }
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type }))
  for (const file of readdirSync(sources)) cpSync(join(sources, file), join(folder, file))
  return folder
}

/**
 * Which files are checked: those of the project and the package, or also the declarations of the
 * frameworks and the platform, which takes three times as long.
 */
export type Checked = 'the project' | 'everything'

/** Compiles files of a project with all strict options, and returns the diagnostics. */
export function compile(
  folder: string,
  files: readonly string[],
  options: ts.CompilerOptions,
  consumer: Consumer,
  checked: Checked = 'everything',
): string[] {
  const program = ts.createProgram(
    files.map((file) => join(folder, file)),
    {
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      // The declarations of the package and those of the frameworks pass.
      skipLibCheck: false,
      target: ts.ScriptTarget.ES2022,
      lib: [...consumer.lib],
      types: [...consumer.types],
      outDir: join(folder, 'out'),
      rootDir: folder,
      ...options,
    },
    { ...ts.createCompilerHost({}), getCurrentDirectory: () => folder },
  )
  // The frameworks are links to a folder outside.
  const installed = program
    .getSourceFiles()
    .filter(({ fileName }) => !relative(folder, fileName).startsWith('..'))
  const diagnostics =
    checked === 'everything'
      ? ts.getPreEmitDiagnostics(program)
      : installed.flatMap((file) => ts.getPreEmitDiagnostics(program, file))
  const found = ts.sortAndDeduplicateDiagnostics([...diagnostics, ...program.emit().diagnostics])
  return found.map(({ file, start, code, messageText }) => {
    const line =
      file === undefined || start === undefined
        ? 0
        : file.getLineAndCharacterOfPosition(start).line + 1
    return `${file === undefined ? '' : relative(folder, file.fileName)}:${line} TS${code} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`
  })
}

/**
 * Consumers of each framework compile against the declarations of the package in some modes, and
 * run.
 */
export function describeConsumers(
  frameworks: readonly string[],
  names: readonly string[],
  checked?: Checked,
): void {
  const chosen = Object.entries(consumers).filter(([name]) => frameworks.includes(name))
  describe.each(chosen)('a consumer with %s', (name, consumer) => {
    describe.each(names)('under %s', (mode) => {
      const type = mode.endsWith('CommonJS') ? 'commonjs' : 'module'
      let folder: string

      beforeAll(() => {
        folder = install(`${name} ${mode}`, consumer.packages, type)
      })

      test('compiles against the declarations of the package', () => {
        expect(compile(folder, [`${name}.ts`], modes[mode] ?? {}, consumer, checked)).toEqual([])
      })

      // Node resolves the imports that a bundler would resolve, so they need file extensions.
      test('runs', () => {
        const compiled = readFileSync(join(folder, 'out', `${name}.js`), 'utf8')
        expect(compiled.includes('require("twinkey")')).toBe(type === 'commonjs')
        writeFileSync(join(folder, 'out/package.json'), JSON.stringify({ type }))
        const printed = run(process.execPath, [join(folder, 'out', `${name}.js`)], folder)
        expect(printed.replace(/ +$/gm, '')).toBe(ANSWERS)
      })
    })
  })
}

/** An application whose requests have a principal of its own. */
export function describeOwnPrincipal(names: readonly string[], checked?: Checked): void {
  describe('an application whose requests have a principal of its own', () => {
    const packages = ['express', '@types/express', 'fastify', '@types/node']
    const consumer: Consumer = { packages, types: ['node'], lib: ['lib.es2022.d.ts'] }

    test.each(names)('declares the type of the property once, and compiles under %s', (mode) => {
      const folder = install(`own principal ${mode}`, packages, 'module')
      expect(compile(folder, ['own-principal.ts'], modes[mode] ?? {}, consumer, checked)).toEqual(
        [],
      )
    })
  })
}

/** The files with mistakes. Each mistake must be a compiler error. */
export const MISTAKES = ['mistakes.ts', 'mistakes-keys.ts', 'mistakes-stores.ts']
export const mistaken: Consumer = {
  packages: ['express', '@types/express', 'fastify', 'hono', '@types/node'],
  types: ['node'],
  lib: ['lib.es2022.d.ts'],
}

/** Checks that each mistake is a compiler error. */
export function describeMistakes(names: readonly string[], checked?: Checked): void {
  describe('code with mistakes', () => {
    test.each(names)('does not compile under %s', (mode) => {
      const folder = install(`mistakes ${mode}`, mistaken.packages, 'module')
      expect(compile(folder, MISTAKES, modes[mode] ?? {}, mistaken, checked)).toEqual([])
    })
  })
}

/** Runs a command to its end. @returns What it printed. */
export function run(command: string, args: readonly string[], cwd: string): string {
  // Removes what a test runner adds to the environment of its children.
  const { NODE_OPTIONS: _options, NODE_PATH: _path, ...env } = process.env
  return execFileSync(command, args, { cwd, env, encoding: 'utf8', stdio: 'pipe' }).trim()
}
