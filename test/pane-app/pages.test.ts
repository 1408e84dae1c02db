import { createTwinkey } from 'twinkey'
import { paneEndpoints } from 'twinkey/pane'
import { mount } from 'twinkey/web'
import { afterEach, expect, it, vi } from 'vitest'

type Page = { keys: { id: string }[]; nextCursor?: string }
type Answer = { ok: true; value: Page } | { ok: false; failure: { code: string } }
interface Pages {
  readPage(query: { text: string; filter: 'all' }, now: number, cursor?: string): Promise<Answer>
}

// Not a static import: these tests are checked without the types of the DOM.
const { readPage } = await vi.importActual<Pages>('../../src/pane-app/list/pages.ts')

afterEach(() => vi.unstubAllGlobals())

it('a search by name and last four characters continues both searches where they stopped', async () => {
  const twinkey = createTwinkey()
  const handle = mount(paneEndpoints(twinkey, { authorize: () => ({ actor: 'ada' }) }), '/keys')
  const asked: string[] = []
  vi.stubGlobal('fetch', async (path: string, init: RequestInit) => {
    asked.push(new URL(path, 'http://pane.example/keys/').search)
    return handle(new Request(new URL(path, 'http://pane.example/keys/'), init))
  })
  const make = (name: string) =>
    twinkey.keys.create({ name, scope: { tenants: '*', environments: '*', workflows: '*' } })
  const { id, primary } = (await make('By its secret')).key
  const { hint } = primary
  const made = [id]
  for (let i = 0; i < 120; i++) {
    made.push((await make(`${hint} ${i}`)).key.id)
    await make(`Other ${i}`)
  }
  const found: string[] = []
  const sizes: number[] = []
  let cursor: string | undefined
  do {
    const answer = await readPage({ text: hint, filter: 'all' }, Date.now(), cursor)
    if (!answer.ok) expect.fail(answer.failure.code)
    found.push(...answer.value.keys.map((key) => key.id))
    sizes.push(answer.value.keys.length)
    cursor = answer.value.nextCursor
  } while (cursor !== undefined && sizes.length < 10)
  expect(sizes.length).toBeGreaterThan(1)
  expect(new Set(found)).toEqual(new Set(made))
  expect(found.length).toBe(made.length)
  // No page of either search is read twice.
  expect(new Set(asked).size).toBe(asked.length)
})
