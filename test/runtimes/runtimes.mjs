// The runtimes, each with its tested version and the way to pass it the checks.
import { execFile, spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { root } from '../prepare.mjs'
import { tryWorker } from './example.mjs'
import { bundle, ENTRIES } from './stage.mjs'

const PATIENCE_MILLISECONDS = 300_000
const COMPATIBILITY_DATE = '2026-10-01'

/** The conditions that bundlers for these hosts resolve with. */
export const CONDITIONS = {
  workerd: ['workerd', 'worker', 'import'],
  'edge-runtime': ['edge-light', 'worker', 'import'],
  browsers: ['browser', 'import'],
  'no condition': ['import'],
}

const platform = { win32: 'win' }[process.platform] ?? process.platform
const NODE = `node-${platform}-${process.arch}`

/**
 * Every runtime that must pass. `run` returns the outcomes of the checks, the version and the hash
 * implementation.
 */
export const runtimes = [
  ...['20.19.0', '22.23.3', '24.21.0', '26.10.0'].map((version) => ({
    name: 'Node',
    version,
    form: 'installed',
    run: async (folder) =>
      printed(await fetched(`${NODE}@${version}`, 'node'), ['installed.mjs'], folder),
  })),
  {
    name: 'Bun',
    version: '1.4.5',
    form: 'installed',
    run: (folder) => printed(join(root, 'node_modules/.bin/bun'), ['installed.mjs'], folder),
  },
  {
    name: 'Bun',
    version: '1.4.5',
    form: 'bundled',
    run: (folder) =>
      bundledFor(folder, 'bun', (file) =>
        printed(join(root, 'node_modules/.bin/bun'), [file], folder),
      ),
  },
  {
    name: 'Deno',
    version: '2.9.5',
    form: 'installed',
    run: async (folder) =>
      printed(
        await fetched('deno@2.9.5', 'deno'),
        ['run', '--no-prompt', '--no-remote', '--node-modules-dir=manual', 'installed.mjs'],
        folder,
      ),
  },
  {
    name: 'Deno',
    version: '2.9.5',
    form: 'bundled',
    // With no permission at all.
    run: (folder) =>
      bundledFor(folder, 'deno', async (file) =>
        printed(
          await fetched('deno@2.9.5', 'deno'),
          ['run', '--no-prompt', '--no-remote', '--no-npm', '--no-config', file],
          folder,
        ),
      ),
  },
  { name: 'workerd', version: '1.20261023.1', form: 'bundled', run: onWorkerd },
  { name: 'edge-runtime', version: '5.0.0', form: 'bundled', run: onEdgeRuntime },
]

async function bundledFor(folder, name, run) {
  const { outfile, hash } = await bundle(folder, name, ENTRIES.print, CONDITIONS['no condition'])
  return { ...(await run(outfile)), hash }
}

async function onEdgeRuntime(folder, version) {
  const { outfile, hash } = await bundle(folder, 'edge', ENTRIES.script, CONDITIONS['edge-runtime'])
  const vm = join(await fetched(`@edge-runtime/vm@${version}`), '..', '@edge-runtime/vm')
  return {
    ...(await printed(
      process.execPath,
      [join(root, 'test/runtimes/edge.mjs'), vm, outfile],
      folder,
    )),
    version,
    hash,
  }
}

async function onWorkerd(folder, version) {
  const workerd = await fetched(`workerd@${version}`, 'workerd')
  const { hash } = await bundle(folder, 'worker', ENTRIES.worker, CONDITIONS.workerd)
  const report = await serving(workerd, folder, 'worker', async (url) => (await fetch(url)).json())
  const worker = join(root, 'examples/web/worker.ts')
  await bundle(
    folder,
    'example',
    `export { default } from ${JSON.stringify(worker)}`,
    CONDITIONS.workerd,
  )
  const tried = await serving(workerd, folder, 'example', tryWorker)
  return { version, hash, outcomes: [...report.outcomes, ...tried] }
}

/** Runs workerd with one Worker on a free port for as long as it is used. */
async function serving(workerd, folder, name, use) {
  const config = join(folder, `${name}.capnp`)
  // Without nodejs_compat, nothing of Node exists.
  writeFileSync(
    config,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (
    modules = [(name = "worker", esModule = embed "${name}.mjs")],
    compatibilityDate = "${COMPATIBILITY_DATE}",
    compatibilityFlags = ["no_nodejs_compat", "no_nodejs_compat_v2"],
  ))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
`,
  )
  // In a group of its own, so that it ends with everything it has started.
  const child = spawn(workerd, ['serve', config, '--control-fd=3'], {
    cwd: folder,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
  try {
    const port = await new Promise((resolve, reject) => {
      child.stdio[3].on('data', (chunk) => {
        const { event, port } = JSON.parse(String(chunk).split('\n')[0])
        if (event === 'listen') resolve(port)
      })
      child.on('error', reject)
      child.on('exit', (code) => reject(new Error(`workerd ended with ${code}: ${output}`)))
    })
    return await use(`http://127.0.0.1:${port}`, () => output)
  } catch (cause) {
    throw new Error(`${cause.message}\n${output}`, { cause })
  } finally {
    child.removeAllListeners('exit')
    process.kill(-child.pid, 'SIGKILL')
  }
}

/** Runs a program and reads the report that it prints as its last line. */
async function printed(command, args, cwd) {
  if (!existsSync(command)) throw new Error(`${command} is not there`)
  // Without variables that may change the behaviour of a runtime.
  const { NODE_OPTIONS: _options, NODE_PATH: _path, ...env } = process.env
  const options = {
    cwd,
    env: { ...env, NO_COLOR: '1' },
    maxBuffer: 1e8,
    timeout: PATIENCE_MILLISECONDS,
  }
  const { stdout } = await promisify(execFile)(command, args, options)
  return JSON.parse(stdout.trim().split('\n').at(-1))
}

/**
 * Fetches a package that is not in the lockfile. Returns the folder of its programs, or one of
 * them.
 */
async function fetched(specifier, program = '') {
  const { stdout } = await promisify(execFile)(
    'npx',
    ['-y', '-p', specifier, '-c', 'echo "$PATH"'],
    { timeout: PATIENCE_MILLISECONDS },
  )
  const bin = stdout
    .trim()
    .split(':')
    .find((path) => path.endsWith('node_modules/.bin') && path.includes('_npx'))
  if (bin === undefined) throw new Error(`npx did not fetch ${specifier}`)
  return join(bin, program)
}
