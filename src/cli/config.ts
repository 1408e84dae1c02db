import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, extname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { messageOf } from './message.ts'
import { isUsageError, usageError } from './usage-error.ts'

const NAMES = ['twinkey.config.ts', 'twinkey.config.js', 'twinkey.config.mjs']
const EXTENSIONS = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs']
const EXAMPLE = '`export const twinkey = createTwinkey({ … })`'

/** Where the configuration is looked for. */
export interface ConfigPlace {
  readonly folder: string
  /** The option `--config`. */
  readonly path: string | undefined
}

/**
 * Imports the configuration file.
 *
 * @returns The exported `twinkey`, or the default export. A function is called, and a promise
 *   awaited.
 * @throws An error that names the file, if the file throws.
 */
export async function loadConfig({ folder, path }: ConfigPlace): Promise<unknown> {
  const file = fileOf(folder, path)
  try {
    const value = exportOf(await importFile(file))
    if (value === undefined)
      throw usageError(`${file} exports no \`twinkey\`. Write ${EXAMPLE} in it.`)
    return typeof value === 'function' ? await (value as () => unknown)() : await value
  } catch (error) {
    throw isUsageError(error) ? error : failureOf(file, error)
  }
}

// A message like `Unexpected end of JSON input` does not say where to look.
function failureOf(file: string, cause: unknown): Error {
  const { stack } = (cause ?? {}) as { stack?: unknown }
  const failure = new Error(`${file} failed: ${messageOf(cause)}`, { cause })
  return typeof stack === 'string' ? Object.assign(failure, { stack }) : failure
}

function fileOf(folder: string, path: string | undefined): string {
  if (path === undefined) {
    const found = NAMES.map((name) => join(folder, name)).find((each) => existsSync(each))
    if (found === undefined)
      throw usageError(
        `There is no twinkey.config.ts, .js or .mjs in this folder. Make one with ${EXAMPLE}, or name a file with --config.`,
      )
    return found
  }
  const file = resolve(folder, path)
  if (!EXTENSIONS.includes(extname(file)))
    throw usageError(`--config must be a file that ends with ${EXTENSIONS.join(', ')}.`)
  if (!existsSync(file)) throw usageError('There is no file at the path of --config.')
  return file
}

async function importFile(file: string): Promise<unknown> {
  const url = pathToFileURL(file).href
  if (!extname(file).endsWith('ts')) return importModule(url)
  // The tsx of the project knows its paths and its syntax. Node only removes types.
  const tsx = tsxNear(file)
  if (tsx !== undefined) {
    const { tsImport } = (await importModule(tsx)) as {
      tsImport(specifier: string, parent: string): Promise<unknown>
    }
    return tsImport(url, url)
  }
  if ('typescript' in process.features && process.features.typescript) return importModule(url)
  throw usageError(
    `Node ${process.versions.node} cannot read ${file}. Install tsx in the project (npm install --save-dev tsx), use Node 22.18 or later, or write twinkey.config.js.`,
  )
}

function tsxNear(file: string): string | undefined {
  try {
    const found = createRequire(join(dirname(file), 'file.js')).resolve('tsx/esm/api')
    // Require finds the CommonJS build, whose functions do not work in an ES module.
    const module = found.replace(/\.cjs$/, '.mjs')
    return existsSync(module) ? pathToFileURL(module).href : undefined
  } catch {
    return undefined
  }
}

function importModule(url: string): Promise<unknown> {
  return import(/* @vite-ignore */ url)
}

// A TypeScript file in a CommonJS project has its exports inside `default`.
function exportOf(exported: unknown): unknown {
  const { twinkey, default: byDefault } = exported as Record<string, unknown>
  const inner = (byDefault ?? {}) as Record<string, unknown>
  return twinkey ?? inner['twinkey'] ?? inner['default'] ?? byDefault
}
