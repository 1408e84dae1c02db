import { createHash } from 'node:crypto'
import { secretPattern } from 'twinkey'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { wireFacts } from '../http/wire-rows.ts'
import {
  blocksOf,
  callLine,
  createGuideRunner,
  curlLinesOf,
  readGuide as read,
  variablesOf,
} from '../support/guide.ts'

const { run, stop, remove } = createGuideRunner()
afterEach(stop)
afterAll(remove)

const GUIDES = ['boomi-flow', 'flare', 'flowgear'] as const

describe.each(GUIDES)('the server of the guide docs/%s.md', (guide) => {
  test('answers each curl line as the guide says', async () => {
    const [server = ''] = blocksOf(guide, 'ts')
    const { url, printed } = await run(server)
    const secrets = [...printed().matchAll(new RegExp(secretPattern('acme'), 'g'))].map(
      ([secret]) => secret,
    )
    const variables = variablesOf(guide, url)
    Object.assign(variables, { KEY: secrets[0] ?? '', TEST: secrets[2] ?? '' })
    const lines = curlLinesOf(guide)
    expect(lines).toHaveLength(5)
    for (const line of lines) {
      const expected = /# (\d{3})\b/.exec(line)?.[1]
      const { status, body } = callLine(line, url, variables)
      expect(`${line} ${status}`).toBe(`${line} ${expected}`)
      const { token } = JSON.parse(body) as { token?: string }
      if (token !== undefined) variables['TOKEN'] = token
    }
  })
})

test('the server of docs/boomi-flow.md shows a key when it is made, and never again', async () => {
  const { url, printed } = await run(blocksOf('boomi-flow', 'ts')[0] ?? '')
  const keys = `${url}/api/admin/1/users/me/keys`
  const withKey = (secret: string) => ({
    'x-boomi-flow-api-key': secret,
    'content-type': 'application/json',
  })
  const headers = withKey(secretPattern('acme').exec(printed())?.[0] ?? '')
  const made = await fetch(keys, { method: 'POST', headers, body: '{"name":"another"}' })
  const { apiKey } = (await made.json()) as { apiKey: string }
  const list = (await (await fetch(keys, { headers: withKey(apiKey) })).json()) as {
    name: string
    apiKey: null
  }[]
  expect(list.map(({ name, apiKey }) => [name, apiKey]).sort()).toEqual([
    ['API Key', null],
    ['another', null],
  ])
})

describe('a logger that is set up as docs/flowgear.md says', () => {
  const servers = blocksOf('flowgear', 'ts').filter((text) => text.includes('redactUrl'))
  const cases = ['express', 'fastify', 'hono'].map((framework) => [
    framework,
    servers.find((text) => text.includes(`twinkey/${framework}`)),
  ])

  test.each(cases)('never logs a key on %s', async (_framework, server) => {
    const { url, printed } = await run(server ?? '')
    const secret = secretPattern('acme').exec(printed())?.[0] ?? ''
    const told = printed().length
    const wrong = createHash('sha256').update(secret).digest('base64url')
    const paths = [
      `/customers/123/?auth-key=${secret}`,
      `/customers/123/?x=1&auth%2Dkey=${secret}&_profile=Production`,
      `/customers/123/?auth-key=${wrong}`,
      `/customers/123/?auth-key=${secret}&auth-key=${wrong}`,
      `/customers/123?auth-key=${secret}`,
      `/nowhere?auth-key=${secret}`,
      `/customers/%zz/?auth-key=${secret}`,
    ]
    const statuses = []
    for (const path of paths) {
      const response = await fetch(url + path)
      statuses.push(response.status)
      const body = await response.text()
      expect([path, body.includes(secret), body.includes(wrong)]).toEqual([path, false, false])
    }
    expect(statuses.slice(0, 6)).toEqual([200, 200, 404, 404, 404, 404])
    await vi.waitFor(() =>
      expect(
        printed()
          .slice(told)
          .match(/\[redacted\]/g)?.length,
      ).toBeGreaterThanOrEqual(6),
    )
    expect(printed().slice(told)).not.toContain(secret)
    expect(printed().slice(told)).not.toContain(wrong)
  })
})

describe.each([
  ['boomi-flow', 'Boomi Flow'],
  ['flare', 'Flare'],
  ['flare', 'Flare clients'],
  ['flowgear', 'Flowgear'],
] as const)('the table of docs/%s.md', (guide, section) => {
  // The words of a row are free. Its tests are not: the names of the tests, or the note that there
  // is none.
  test(`has a row for each fact of ${section}, with the tests that hold it`, () => {
    const prefix = section === 'Flare clients' ? 'Flare client: ' : `${section}: `
    const facts = wireFacts.filter((fact) => fact.section === section)
    const expected = facts.map(
      ({ tests }) =>
        tests?.map((name) => `\`${name.slice(prefix.length)}\``).join('; ') ?? 'no test',
    )
    const held = rowsOf(guide, section).map(
      (row) => row.split(' | ').at(-1)?.replace(/ \|$/, '') ?? '',
    )
    expect(held.map((cell) => cell.replace(/^no test: .+$/, 'no test')).sort()).toEqual(
      expected.sort(),
    )
  })
})

/**
 * The rows of the table of facts of a guide. The table of the clients stands behind that of the
 * product.
 */
function rowsOf(guide: string, section: string): string[] {
  const tables = read(guide).split('| behaviour | here | held by |').slice(1)
  return (tables[section === 'Flare clients' ? 1 : 0] ?? '')
    .split('\n')
    .filter((line) => /^\| /.test(line))
}
