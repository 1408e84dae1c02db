import { redactUrl } from 'twinkey'
import { flowgear } from 'twinkey/profiles'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RawRequest, sendRaw } from '../support/raw-http.ts'
import { createFlowgearFixture, type FlowgearFixture, flowgearRoutes } from './flowgear-fixture.ts'
import { flowgearTable } from './flowgear-table.ts'
import { type Host, hosts, type LogLine } from './hosts.ts'
import { runTable } from './wire-suite.ts'

runTable('the Flowgear profile', flowgearTable, createFlowgearFixture, () => ({
  routes: flowgearRoutes,
  tokens: {},
}))

describe.each(Object.entries(hosts))('what a logger sees on %s', (_name, start) => {
  let f: FlowgearFixture
  let host: Host
  let lines: LogLine[] = []

  beforeAll(async () => {
    f = await createFlowgearFixture()
    host = await start(f.twinkey, {
      routes: flowgearRoutes,
      tokens: { '/tokens': { profile: flowgear() } },
      log: (line) => lines.push(line),
    })
  })
  afterAll(async () => {
    await host.close()
    await f.twinkey.close()
  })

  async function logged(
    request: RawRequest,
  ): Promise<{ status: number; received: LogLine; answered: LogLine }> {
    lines = []
    const { status } = await sendRaw(host.port, request)
    const [received, answered] = lines
    if (received?.when !== 'received' || answered?.when !== 'answered')
      return expect.fail('two lines, one before and one after')
    return { status, received, answered }
  }

  const spellings = ['auth-key', 'auth%2Dkey', '%61uth-key', '%61%75%74%68%2d%6b%65%79']

  const answers = [
    ['primary', 200],
    ['disabled', 404],
    ['badStore', 503],
  ] as const

  test('Flowgear: auth-key is gone from URL and query when a request was answered', async () => {
    for (const name of spellings) {
      for (const [secret, status] of answers) {
        const { answered, ...rest } = await logged({
          target: `/customers/123/?a=1&${name}=${f.secrets[secret]}&b=2`,
        })
        expect({ name, status: rest.status, query: answered.query }).toEqual({
          name,
          status,
          query: { a: '1', b: '2' },
        })
        const urls = answered.urls.map((url) => url.slice(url.indexOf('/customers')))
        expect(urls).toEqual(urls.map(() => '/customers/123/?a=1&b=2'))
      }
    }
  })

  test('Flowgear: both of two auth-key are gone when the request was refused', async () => {
    const { status, answered } = await logged({
      target: `/customers/123/?auth-key=${f.secrets.primary}&%61uth-key=${f.secrets.secondary}`,
    })
    expect(status).toBe(404)
    expect(JSON.stringify(answered)).not.toContain('key')
    expect(answered.query).toEqual({})
  })

  test('Flowgear: auth-key is gone when a request to the token endpoints was answered', async () => {
    const { status, answered } = await logged({
      target: `/tokens/test?auth-key=${f.secrets.primary}`,
    })
    expect(status).toBe(200)
    expect(JSON.stringify(answered)).not.toContain(f.secrets.primary)
  })

  test('Flowgear: a log of redactUrl never shows the key, even before the guard ran', async () => {
    const targets = ['/customers/123/', '/no-such-route', '/customers/%zz/'].flatMap((path) =>
      spellings.map((name) => `${path}?${name}=`),
    )
    for (const target of targets) {
      for (const secret of ['primary', 'imported', 'disabled'] as const) {
        const key = f.secrets[secret]
        lines = []
        await sendRaw(host.port, { target: `${target}${key}&_profile=Test` })
        const log = lines
          .flatMap(({ urls }) => urls.map((url) => redactUrl(url, ['auth-key'])))
          .join('\n')
        // A path that cannot be decoded may be refused before any hook of the application runs.
        if (lines.length > 0) expect(log).toContain('_profile=Test')
        expect(log).not.toContain(key.slice(4))
      }
    }
  })
})

test.each([
  ['/customers/123/?auth-key=k', '/customers/123/?auth-key=[redacted]'],
  ['/customers/123/?auth-key=k&_profile=Test', '/customers/123/?auth-key=[redacted]&_profile=Test'],
  ['/?a=1&auth-key=k&b=2', '/?a=1&auth-key=[redacted]&b=2'],
  ['/?%61uth-key=k', '/?%61uth-key=[redacted]'],
  ['/?auth%2dkey=k', '/?auth%2dkey=[redacted]'],
  ['/?auth-key=k&auth-key=l', '/?auth-key=[redacted]&auth-key=[redacted]'],
  ['/?auth-key=k=l', '/?auth-key=[redacted]'],
  ['/?auth-key=k?l', '/?auth-key=[redacted]'],
  ['/?auth-key=', '/?auth-key=[redacted]'],
  ['/?auth-key', '/?auth-key=[redacted]'],
  ['/?auth-key=%E0%A4%A', '/?auth-key=[redacted]'],
  ['/?auth-key=k#top', '/?auth-key=[redacted]#top'],
  ['https://h.example/x?auth-key=k', 'https://h.example/x?auth-key=[redacted]'],
  ['GET /?auth-key=k HTTP/1.1', 'GET /?auth-key=[redacted] HTTP/1.1'],
  ['/?Auth-KEY=k', '/?Auth-KEY=[redacted]'],
  ['/?auth-key[]=k', '/?auth-key[]=[redacted]'],
  ['/?auth-key%5B0%5D=k', '/?auth-key%5B0%5D=[redacted]'],
  ['/?x[auth-key]=k', '/?x[auth-key]=[redacted]'],
  ['/?+auth-key%00=k', '/?+auth-key%00=[redacted]'],
  ['/?auth%252Dkey=k', '/?auth%252Dkey=[redacted]'],
  ['/?%zzauth%2dkey=k', '/?%zzauth%2dkey=k'],
  ['/?%zz.auth%2dkey=k', '/?%zz.auth%2dkey=[redacted]'],
  ['/?auth-key%3Dk&b=2', '/?auth-key=[redacted]&b=2'],
  ['/?a=1;auth-key=k&b=2', '/?a=1;auth-key=[redacted]&b=2'],
  ['/?auth-key=k;l&b=2', '/?auth-key=[redacted]&b=2'],
  ['/?a=1&amp;auth-key=k&amp;b=2', '/?a=1&amp;auth-key=[redacted]&amp;b=2'],
  ['/?x=?auth-key=k', '/?x=?auth-key=[redacted]'],
  ['/??auth-key=k', '/??auth-key=[redacted]'],
  ['/p;auth-key=k', '/p;auth-key=[redacted]'],
  ['/p;auth-key=k/q?a=1', '/p;auth-key=[redacted]'],
  ['/#auth-key=k', '/#auth-key=[redacted]'],
  ['/?a=1#auth-key=k', '/?a=1#auth-key=[redacted]'],
  ['/r#x?auth-key=k', '/r#x?auth-key=[redacted]'],
  ['auth-key=k&b=2', 'auth-key=[redacted]&b=2'],
  [
    '/?next=https%3A%2F%2Fh.example%2F%3Fa%3D1%26auth-key%3Dk&b=2',
    '/?next=https%3A%2F%2Fh.example%2F%3Fa%3D1%26auth-key=[redacted]&b=2',
  ],
  ['/?next=%252F%253Fauth-key%253Dk&b=2', '/?next=%252F%253Fauth-key=[redacted]&b=2'],
  [
    'https://user:word@h.example/x?auth-key=k',
    'https://[redacted]@h.example/x?auth-key=[redacted]',
  ],
  ['GET http://:k@h.example/ HTTP/1.1', 'GET http://[redacted]@h.example/ HTTP/1.1'],
  ['https://h.example/a@b?c=d@e', 'https://h.example/a@b?c=d@e'],
  ['/?my-auth-key=1&auth-keys=2&auth-key-id=3', '/?my-auth-key=1&auth-keys=2&auth-key-id=3'],
  ['/auth-key=k', '/auth-key=k'],
  ['/?x=auth-key', '/?x=auth-key'],
  ['/?%zz=1', '/?%zz=1'],
  ['/', '/'],
  ['', ''],
])('Flowgear: redactUrl of %j is %j', (url, expected) => {
  expect(redactUrl(url, ['auth-key'])).toBe(expected)
})

test('Flowgear: redactUrl takes other names', () => {
  expect(redactUrl('/?auth-key=k&t=s', ['t'])).toBe('/?auth-key=k&t=[redacted]')
  expect(redactUrl('/?a.b[]=1&clé=2&cl%C3%A9=3&x=4', ['a.b', 'clé'])).toBe(
    '/?a.b[]=[redacted]&clé=[redacted]&cl%C3%A9=[redacted]&x=4',
  )
})

test('Flowgear: every refusal but 429 and 503 is the same bytes, with Message as its only member', () => {
  const refusals = flowgearTable
    .map(({ expected }) => expected)
    .filter(({ status, body }) => status !== 200 && body !== '')
  const notFound = refusals.filter(({ status }) => status === 404)
  expect(notFound.length).toBeGreaterThan(30)
  for (const refusal of notFound) expect(refusal).toEqual(notFound[0])
  for (const { type, body } of refusals)
    expect([type, Object.keys(JSON.parse(body))]).toEqual(['application/json', ['Message']])
})
