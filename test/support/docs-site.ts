import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { SearchIndex } from '../../docs/theme/find.mjs'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
}

/** The documentation site in a folder of its own. */
export interface DocsSite {
  readonly folder: string
  /** The HTML files, relative to the folder. */
  pages(): string[]
  read(path: string): string
  searchIndex(): SearchIndex
  remove(): void
}

/**
 * Builds the documentation site. Does not check types, because `npm run types` does.
 *
 * @param more Further options of TypeDoc.
 */
export function buildDocsSite(...more: readonly string[]): DocsSite {
  const cache = join(ROOT, 'node_modules/.cache')
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'twinkey-site-'))
  const typedoc = join(ROOT, 'node_modules/typedoc/bin/typedoc')
  const options = ['--skipErrorChecking', '--out', folder, '--logLevel', 'Warn', ...more]
  execFileSync(process.execPath, [typedoc, ...options], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: 'pipe',
  })
  const read = (path: string) => readFileSync(join(folder, path), 'utf8')
  return {
    folder,
    pages: () =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .map((path) => path.replaceAll('\\', '/'))
        .filter((path) => path.endsWith('.html'))
        .sort(),
    read,
    searchIndex: () =>
      JSON.parse(/^twinkeyIndex\((.*)\)$/m.exec(read('assets/index.js'))?.[1] ?? 'null'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** Serves the files of a folder on a free port. */
export async function serveFolder(
  folder: string,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const path = normalize(decodeURIComponent(pathname)).replace(/\/$/, '/index.html')
    try {
      const file = readFileSync(join(folder, path))
      response.setHeader('content-type', TYPES[extname(path)] ?? 'application/octet-stream')
      response.end(file)
    } catch {
      response.statusCode = 404
      response.end()
    }
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed())
        server.closeAllConnections()
      }),
  }
}
