import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

const PROGRAM = `
import { createTwinkey } from 'twinkey'
import { paneEndpoints } from 'twinkey/pane'
import { mount } from 'twinkey/web'

const pane = mount(paneEndpoints(createTwinkey(), { authorize: () => ({ actor: 'operator-1' }) }), '/keys')
export default {
  fetch: (request, env, context) =>
    pane(request, env, context) ?? new Response('Not Found', { status: 404 }),
}
`

let folder: string
let text: string
let fetch: (url: string) => Promise<Response>

beforeAll(async () => {
  const { outputFiles } = await build({
    stdin: { contents: PROGRAM, resolveDir: root },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['workerd', 'worker', 'browser', 'import'],
    // The build output, as an application gets it.
    tsconfigRaw: '{}',
    logLevel: 'error',
  })
  text = outputFiles[0]?.text ?? ''
  folder = mkdtempSync(join(tmpdir(), 'twinkey-worker-'))
  writeFileSync(join(folder, 'worker.mjs'), text)
  const worker = (await import(pathToFileURL(join(folder, 'worker.mjs')).href)) as {
    default: { fetch(request: Request): Promise<Response> }
  }
  fetch = async (url) => worker.default.fetch(new Request(url))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('the pane is bundled for a Worker without imports, modules of Node or files', () => {
  expect(text).not.toMatch(/^import /m)
  expect(text).not.toMatch(/\brequire\(|readFile/)
  // Asked for where the runtime has it, and not imported.
  expect(text.match(/["']node:\w+/g)).toEqual(['"node:diagnostics_channel'])
})

test('the bundled Worker serves the page and its files', async () => {
  const page = await fetch('https://host.example/keys/')
  const html = await page.text()
  expect(page.status).toBe(200)
  const files = [...html.matchAll(/"\.\/(pane\.[^"]+)"/g)].map(([, file]) => file)
  expect(files).toHaveLength(2)
  for (const file of files) {
    const { status, headers } = await fetch(`https://host.example/keys/${file}`)
    expect([status, headers.get('x-content-type-options')]).toEqual([200, 'nosniff'])
  }
  expect((await fetch('https://host.example/keys')).headers.get('location')).toBe('./keys/')
  expect((await fetch('https://host.example/other')).status).toBe(404)
})
