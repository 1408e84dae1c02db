// Creates the folder in which the runtimes run: the package as it is packed, with its dependencies,
// and the checks in the forms that the runtimes accept.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { build } from 'esbuild'
import { root } from '../prepare.mjs'

const here = join(root, 'test/runtimes')
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

// Imports of the tables for the servers and the test runner of Node. Nothing of these may remain in
// what the runtimes run.
const FOR_NODE =
  /^(vitest|node:(http2|net)|express4?|fastify|@hono\/node-server|\.\/hosts\.ts|\.\/host-(express|fastify)\.ts|\.\.\/support\/raw-http\.ts)$/
const OF_THE_PACKAGE = /^(twinkey|jose)(\/|$)/

// `hash.mjs` is inside the package, because only there `#hash` resolves as it does for the package.
const INSIDE = {
  'hash.mjs': "export { hmacSha256, sha256 } from '#hash'",
  'which-hash.mjs': "export const hash = import.meta.resolve('#hash')",
}

/**
 * The entries: how a runtime gets the checks. They are loaded late, because Workers create no keys
 * before the first request.
 */
export const ENTRIES = {
  print:
    "const { report } = await import('./checks.mjs')\nconsole.log(JSON.stringify(await report()))",
  worker:
    "export default { fetch: async () => Response.json(await (await import('./checks.mjs')).report()) }",
  script:
    "globalThis.report = async () => JSON.stringify(await (await import('./checks.mjs')).report())",
}

/**
 * Packs and installs the package into a new folder, and bundles the checks beside it without the
 * package.
 */
export async function stage() {
  const folder = mkdtempSync(join(tmpdir(), 'twinkey-runtimes-'))
  const installed = join(folder, 'node_modules/twinkey')
  mkdirSync(installed, { recursive: true })
  const npmPack = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder]
  const [{ filename }] = JSON.parse(execFileSync('npm', npmPack, { cwd: root, encoding: 'utf8' }))
  execFileSync('tar', ['-xzf', filename, '--strip-components=1', '-C', installed], { cwd: folder })
  for (const name of Object.keys(manifest.dependencies))
    cpSync(join(root, 'node_modules', name), join(folder, 'node_modules', name), {
      recursive: true,
    })
  for (const [name, text] of Object.entries(INSIDE)) writeFileSync(join(installed, name), text)
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ private: true, type: 'module', dependencies: { twinkey: '*', jose: '*' } }),
  )

  const { metafile } = await build({
    entryPoints: [join(here, 'main.ts')],
    outfile: join(folder, 'checks.mjs'),
    inject: [join(here, 'buffer.ts')],
    plugins: [{ name: 'leave out', setup: leaveOut }],
    tsconfigRaw: {},
    ...COMMON,
  })
  const left = importsOf(metafile).filter(
    (path) => !OF_THE_PACKAGE.test(path) && !path.endsWith('/hash.mjs'),
  )
  if (left.length > 0)
    throw new Error(`The checks import ${left.join(', ')}, which not every runtime has.`)

  writeFileSync(
    join(folder, 'installed.mjs'),
    "import { hash } from './node_modules/twinkey/which-hash.mjs'\nimport { report } from './checks.mjs'\nconsole.log(JSON.stringify({ ...(await report()), hash }))",
  )
  return folder
}

const COMMON = {
  bundle: true,
  write: true,
  metafile: true,
  format: 'esm',
  platform: 'neutral',
  target: 'es2022',
  logLevel: 'silent',
}

/**
 * Bundles the checks and the package into one file, as a bundler does for a runtime that takes
 * nothing else.
 *
 * @param conditions The conditions with which the runtime's bundlers resolve `exports` and
 *   `imports`.
 * @returns The file, and its implementation of `#hash`.
 */
export async function bundle(folder, name, entry, conditions) {
  const outfile = join(folder, `${name}.mjs`)
  const { metafile } = await build({
    stdin: { contents: entry, resolveDir: folder },
    outfile,
    conditions,
    mainFields: ['module', 'main'],
    plugins: [{ name: 'installed', setup: (setup) => fromInstalled(setup, folder) }],
    tsconfigRaw: {},
    ...COMMON,
  })
  const hash = Object.keys(metafile.inputs).filter((path) => /dist\/hash(\.node)?\.js$/.test(path))
  return {
    outfile,
    hash: hash.map((path) => basename(path)).join(' and '),
    imports: importsOf(metafile),
  }
}

/**
 * Checks that off Node nothing of Node is reached: each subpath is bundled for each set of
 * conditions. A `node:` import that is reached cannot be resolved there, which fails the build.
 */
export async function reachability(folder, conditionSets) {
  // NestJS runs on Node.
  const subpaths = Object.keys(manifest.exports).filter(
    (subpath) => !subpath.endsWith('.json') && subpath !== './nest',
  )
  const outcomes = []
  for (const [title, conditions] of Object.entries(conditionSets)) {
    for (const subpath of subpaths) {
      const name = `reachability: no node: import from ${subpath.replace('.', 'twinkey')} for ${title}`
      const entry = `export * from '${subpath.replace('.', 'twinkey')}'`
      const failure = await bundle(folder, 'reachability', entry, conditions).then(
        ({ imports, hash }) =>
          imports.length > 0 || hash.includes('node')
            ? `${hash} with ${imports.join(', ')}`
            : undefined,
        (error) => error.message,
      )
      outcomes.push({ name, failure })
    }
  }
  // Under the conditions of Node the same imports must be found, or the check proves nothing.
  const found = await bundle(folder, 'reachability', "export * from 'twinkey'", [
    'node',
    'import',
  ]).catch((error) => error.message)
  const told = typeof found === 'string' && found.includes('node:crypto')
  outcomes.push({
    name: 'reachability: a node: import would be found',
    failure: told ? undefined : 'node:crypto was not found',
  })
  return outcomes
}

function leaveOut({ onResolve }) {
  onResolve({ filter: /\/signing-key\.ts$/ }, () => ({ path: join(here, 'signing-key.ts') }))
  onResolve({ filter: FOR_NODE }, ({ path }) => ({ path, external: true, sideEffects: false }))
  onResolve({ filter: OF_THE_PACKAGE }, ({ path }) => ({ path, external: true }))
  onResolve({ filter: /^#hash$/ }, () => ({
    path: './node_modules/twinkey/hash.mjs',
    external: true,
  }))
}

// Sources of the project that are bundled here import the package installed here, not the project's
// own.
function fromInstalled({ onResolve, resolve }, folder) {
  onResolve({ filter: OF_THE_PACKAGE }, ({ path, kind, pluginData }) =>
    pluginData === folder
      ? undefined
      : resolve(path, { resolveDir: folder, kind, pluginData: folder }),
  )
}

function importsOf({ outputs }) {
  return Object.values(outputs).flatMap(({ imports }) =>
    imports.filter(({ external }) => external).map(({ path }) => path),
  )
}
