import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { isBuiltin } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

// The files of the package. tsup names a chunk that two entries share by its content.
const FILES: readonly (string | RegExp)[] = [
  'CHANGELOG.md',
  'LICENSE',
  'README.md',
  'SECURITY.md',
  'package.json',
  ...[
    'express',
    'fastify',
    'gateway',
    'hono',
    'http',
    'index',
    'leaks',
    'limits',
    'management',
    'nest',
    'oauth',
    'openapi',
    'pane',
    'profiles',
    'store',
    'stores/d1',
    'stores/memory',
    'stores/mysql',
    'stores/postgres',
    'stores/redis',
    'stores/sqlite',
    'telemetry',
    'testing',
    'verifier',
    'client',
    'web',
  ].flatMap((name) =>
    ['.cjs', '.d.cts', '.d.ts', '.js', '.js.map'].map((ending) => `dist/${name}${ending}`),
  ),
  ...['cli', 'hash', 'hash.node'].flatMap((name) => [`dist/${name}.js`, `dist/${name}.js.map`]),
  // The documentation, so that the links of the README work in an installed package.
  ...readdirSync(join(root, 'docs')).flatMap((name) =>
    name.endsWith('.md') ? `docs/${name}` : [],
  ),
  ...['design', 'diagrams', 'plots', 'screenshots'].flatMap((folder) =>
    readdirSync(join(root, 'docs', folder)).map((name) => `docs/${folder}/${name}`),
  ),
  ...[
    'express/server.ts',
    'fastify/server.ts',
    'hono/server.ts',
    'stop-server.ts',
    'throttle/server.ts',
    'web/worker.ts',
  ].map((name) => `examples/${name}`),
  /^dist\/chunk-[A-Z0-9]{8}\.js(\.map)?$/,
  /^dist\/[a-z-]+-[\w-]{8}\.d\.c?ts$/,
]

// Outside the project, so that only the installed package can be resolved.
const consumer = mkdtempSync(join(tmpdir(), 'twinkey-consumer-'))
const installed = join(consumer, 'node_modules/twinkey')
let packed: string[]

beforeAll(() => {
  const [report] = JSON.parse(
    run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', consumer], root),
  )
  packed = report.files.map(({ path }: { path: string }) => path).sort()
  mkdirSync(installed, { recursive: true })
  run(
    'tar',
    ['-xzf', report.filename, '--strip-components=1', '-C', 'node_modules/twinkey'],
    consumer,
  )
  for (const name of Object.keys(manifest.dependencies))
    cpSync(join(root, 'node_modules', name), join(consumer, 'node_modules', name), {
      recursive: true,
    })
})
afterAll(() => rmSync(consumer, { recursive: true, force: true }))

test('the package contains exactly the listed files', () => {
  const fits = (path: string) =>
    FILES.some((each) => (typeof each === 'string' ? each === path : each.test(path)))
  expect(packed.filter((path) => !fits(path))).toEqual([])
  expect(FILES.filter((each) => typeof each === 'string' && !packed.includes(each))).toEqual([])
})

test('the links of its pages lead to files in the package', () => {
  const pages = packed.filter((path) => path.endsWith('.md'))
  const dead = pages.flatMap((page) => {
    const text = readFileSync(join(root, page), 'utf8').replace(
      /^\s*(`{3,})[\s\S]*?^\s*\1\s*$/gm,
      '',
    )
    const links = [...text.matchAll(/\]\(([^)\s#]+)[^)\s]*\)/g)].flatMap(([, link = '']) =>
      /^[a-z]+:/.test(link) ? [] : link,
    )
    return links.map((link) => join(dirname(page), link)).filter((path) => !packed.includes(path))
  })
  expect([...new Set(dead)]).toEqual([])
})

test('the dependencies are jose and @noble/hashes from the versions that the tests run with, and there is no install script', () => {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  const versionOf = (name: string) => packages[`node_modules/${name}`].version
  expect(manifest.dependencies).toEqual({
    '@noble/hashes': `^${versionOf('@noble/hashes')}`,
    jose: `^${versionOf('jose')}`,
  })
  expect(packages[''].dependencies).toEqual(manifest.dependencies)
  for (const name of Object.keys(manifest.dependencies))
    expect(
      JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')).version,
    ).toBe(versionOf(name))
  for (const script of ['preinstall', 'install', 'postinstall', 'prepare'])
    expect(manifest.scripts).not.toHaveProperty(script)
})

test('no dependency is bundled', () => {
  const imported = new Set<string>()
  const packageOf = (name: string) => name.split('/', name.startsWith('@') ? 2 : 1).join('/')
  for (const file of scripts()) {
    for (const { fileName } of ts.preProcessFile(readFileSync(file, 'utf8')).importedFiles)
      if (!fileName.startsWith('.') && !isBuiltin(fileName)) imported.add(packageOf(fileName))
    expect(sourcesOf(file).filter(({ path }) => !path.startsWith('src/'))).toEqual([])
  }
  expect([...imported].sort()).toEqual([
    '#hash',
    '@nestjs/common',
    '@nestjs/core',
    '@nestjs/websockets',
    '@noble/hashes',
    'jose',
  ])
})

test('every script has one source map, which contains its sources as in src', () => {
  for (const file of scripts()) {
    const text = readFileSync(file, 'utf8')
    expect(text.match(/\/\/[#@] sourceMappingURL=/g), file).toHaveLength(1)
    const sources = sourcesOf(file)
    // A script that only re-exports has no source of its own.
    const isOwn = text
      .split('\n')
      .some((line) => !/^(?:import |\} from |export \{|\};?$|\/\/| {2}\w+,?$|$)/.test(line))
    expect(sources.length > 0, file).toBe(isOwn)
    // The package does not contain the sources, so the map must.
    for (const { path, content } of sources)
      expect(content, path).toBe(readFileSync(join(root, path), 'utf8'))
  }
})

test('with its source maps, the stack of an error names the line in src', () => {
  const program =
    "import { createTwinkey } from 'twinkey'; try { createTwinkey({ prefx: [] }) } catch ({ stack }) { console.log(stack) }"
  const stack = run(
    process.execPath,
    ['--enable-source-maps', '--input-type=module', '--eval', program],
    consumer,
  )
  const [, line] =
    /requireMembers \(.*src\/core\/model\/options-checks\.ts:(\d+):/.exec(stack) ?? []
  expect(
    readFileSync(join(root, 'src/core/model/options-checks.ts'), 'utf8').split('\n')[
      Number(line) - 1
    ],
  ).toContain('throw new TypeError')
})

test('every file named by a subpath, an import or a declaration exists', () => {
  const { exports, imports, main, types, typesVersions } = manifest
  const named = textsOf([exports, imports, main, types, typesVersions])
  for (const path of named) expect(existsSync(join(installed, path)), path).toBe(true)
  for (const path of named.filter((each) => each.endsWith('.js') && !each.includes('hash')))
    expect(existsSync(join(installed, path.replace(/\.js$/, '.d.ts'))), path).toBe(true)
  for (const file of files().filter((each) => /\.(js|d\.c?ts)$/.test(each))) {
    for (const { fileName } of ts.preProcessFile(readFileSync(file, 'utf8')).importedFiles)
      if (fileName.startsWith('.')) {
        const target = /\.d\.c?ts$/.test(file) ? fileName.replace(/\.(c?)js$/, '.d.$1ts') : fileName
        expect(existsSync(resolve(dirname(file), target)), `${file}: ${fileName}`).toBe(true)
      }
  }
})

function textsOf(value: unknown): string[] {
  return typeof value === 'object' && value !== null
    ? Object.values(value).flatMap(textsOf)
    : [String(value)]
}

test('what CommonJS requires is what an import has', () => {
  const subpaths = Object.keys(manifest.exports).filter((each) => !/json|nest/.test(each))
  const program = `
    import { createRequire } from 'node:module'
    const require = createRequire(import.meta.url)
    const others = []
    for (const subpath of ${JSON.stringify(subpaths)}) {
      const name = subpath.replace('.', 'twinkey')
      const required = require(name)
      const members = Object.entries(await import(name))
      const isSame = members.length > 0 && members.every(([member, value]) => required[member] === value)
      if (!isSame) others.push(name)
    }
    console.log(JSON.stringify(others))`
  expect(JSON.parse(inChild(program))).toEqual([])
})

// No framework is installed, because an adapter must not need one until it is used.
test.each(Object.keys(manifest.exports).filter((subpath) => subpath !== './nest'))(
  '%s can be imported with only the dependencies installed',
  (subpath) => {
    const specifier = subpath.replace(/^\./, 'twinkey')
    const attributes = subpath.endsWith('.json') ? ", { with: { type: 'json' } }" : ''
    const names: string[] = JSON.parse(
      inChild(
        `console.log(JSON.stringify(Object.keys(await import('${specifier}'${attributes}))))`,
      ),
    )
    expect(names.length).toBeGreaterThan(0)
  },
)

test('./nest alone needs its framework, whose decorators it is made of', () => {
  expect(() => inChild("await import('twinkey/nest')")).toThrow(
    /Cannot find package '@nestjs\/(?:common|core)'/,
  )
})

test('the packed package creates a key, verifies it and issues a token', () => {
  const program = `
    import { createTwinkey } from 'twinkey'
    const twinkey = createTwinkey()
    const { primary, secondary } = await twinkey.keys.create({ name: 'one', scope: { tenants: ['t1'], workflows: '*' } })
    const { slot } = await twinkey.keys.verify(secondary)
    const { token } = await twinkey.tokens.issue(primary)
    const { ok } = await twinkey.tokens.verify(token)
    console.log(slot, ok)`
  expect(inChild(program)).toBe('secondary true')
})

test('the packed command runs with only the dependencies installed', () => {
  const command = join(installed, manifest.bin.twinkey)
  expect(readFileSync(command, 'utf8').split('\n')[0]).toBe('#!/usr/bin/env node')
  expect(run(process.execPath, [command, '--version'], consumer)).toBe(manifest.version)
  const jwk = JSON.parse(run(process.execPath, [command, 'signing-key'], consumer))
  expect(jwk).toMatchObject({ alg: 'ES256', kty: 'EC' })
})

test('require works, too', () => {
  writeFileSync(
    join(consumer, 'old.cjs'),
    "console.log(typeof require('twinkey').createTwinkey, typeof require('twinkey/express').requireAuth)",
  )
  expect(run(process.execPath, ['old.cjs'], consumer)).toBe('function function')
})

test('no other path can be imported', () => {
  expect(() => inChild("await import('twinkey/dist/index.js')")).toThrow(
    'ERR_PACKAGE_PATH_NOT_EXPORTED',
  )
})

function inChild(program: string): string {
  return run(process.execPath, ['--input-type=module', '--eval', program], consumer)
}

function run(command: string, args: readonly string[], cwd: string): string {
  // Removes what a test runner adds to the environment of its children.
  const { NODE_OPTIONS: _options, NODE_PATH: _path, ...env } = process.env
  return execFileSync(command, args, { cwd, env, encoding: 'utf8', stdio: 'pipe' }).trim()
}

function files(): string[] {
  return readdirSync(join(installed, 'dist'), { recursive: true, encoding: 'utf8' }).map((name) =>
    join(installed, 'dist', name),
  )
}

function scripts(): string[] {
  return files().filter((path) => path.endsWith('.js'))
}

// The sources in the source map of a script, by their paths in the project.
function sourcesOf(file: string): { path: string; content: unknown }[] {
  const [, name] = /\/\/# sourceMappingURL=(\S+)\s*$/.exec(readFileSync(file, 'utf8')) ?? []
  expect(name, file).toBeDefined()
  const map = join(dirname(file), name as string)
  const { sources, sourcesContent = [] } = JSON.parse(readFileSync(map, 'utf8')) as {
    sources: string[]
    sourcesContent?: unknown[]
  }
  return sources.map((source, index) => ({
    path: relative(installed, resolve(dirname(map), source)),
    content: sourcesContent[index],
  }))
}
