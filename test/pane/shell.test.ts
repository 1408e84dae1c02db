import { createHash } from 'node:crypto'
import { createTwinkey, type Twinkey } from 'twinkey'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { everyHost, type Host, sendTo } from '../http/hosts.ts'
import { createPane, POLICY } from './pane-fixture.ts'

const login = () =>
  new Response('Sign in first', {
    status: 303,
    headers: [
      ['Location', '/login'],
      ['Set-Cookie', 'from=keys; Path=/'],
      ['Set-Cookie', 'tries=1'],
      ['Cache-Control', 'private'],
    ],
  })

describe.each(Object.entries(everyHost))('the pane on %s', (name, start) => {
  let twinkey: Twinkey
  let host: Host
  const get = (target: string, method = 'GET') => sendTo(host, { target, method })

  beforeAll(async () => {
    twinkey = createTwinkey()
    const hasParameters = !name.startsWith('web')
    host = await start(twinkey, {
      routes: [],
      tokens: {},
      endpoints: {
        '/keys': createPane(),
        '/a/b': createPane({ title: 'Keys & "quotes" <b>', lang: 'pt-br' }),
        '/framed': createPane({ frameAncestors: ['https://one.example', 'http://localhost:3000'] }),
        '/hidden': createPane({ authorize: () => undefined }),
        '/login': createPane({ authorize: async () => login() }),
        ...(hasParameters && { '/of/:tenant': createPane() }),
      },
    })
  })
  afterAll(async () => {
    await host.close()
    await twinkey.close()
  })

  test.each(['/keys/', '/a/b/', '/a/b/?key=1'])('serves the page at %s', async (target) => {
    const { status, headers, body } = await get(target)
    expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
    expect(headers).toMatchObject({
      'content-security-policy': POLICY,
      'cross-origin-opener-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    })
    expect(body).toMatch(/^<!doctype html>/)
    expect((await get(target, 'HEAD')).headers['content-security-policy']).toBe(POLICY)
  })

  test('serves a script and a style sheet that match their names and the integrity in the page', async () => {
    const { body } = await get('/a/b/')
    const found = [
      ...body.matchAll(/(?:src|href)="\.\/(pane\.[\w-]{16}\.(?:js|css))" integrity="([^"]+)"/g),
    ]
    expect(found.map(([, file]) => file?.split('.').pop())).toEqual(['css', 'js'])
    for (const [, file = '', integrity] of found) {
      const asset = await get(`/a/b/${file}`)
      const type = file.endsWith('js') ? 'text/javascript' : 'text/css'
      expect(asset.status).toBe(200)
      expect(asset.headers).toMatchObject({
        'content-type': `${type}; charset=utf-8`,
        'cache-control': 'public, max-age=31536000, immutable',
        'x-content-type-options': 'nosniff',
      })
      const digest = createHash('sha256').update(asset.body).digest()
      expect(integrity).toBe(`sha256-${digest.toString('base64')}`)
      expect(file).toContain(`.${digest.toString('base64url').slice(0, 16)}.`)
    }
    expect((await get('/a/b/pane.AAAAAAAAAAAAAAAA.js')).status).toBe(404)
  })

  test('serves the management API below api', async () => {
    expect((await get('/a/b/api/nothing')).status).toBe(404)
    const session = await sendTo(host, {
      target: '/a/b/api/session',
      headers: [
        ['Content-Type', 'application/json'],
        ['X-Twinkey', '1'],
      ],
    })
    expect([session.status, session.headers['content-type']]).toEqual([200, 'application/json'])
  })

  test('uses options in the page as text', async () => {
    const { body } = await get('/a/b/')
    expect(body).toContain('<html lang="pt-BR">')
    expect(body).toContain('<title>Keys &amp; &quot;quotes&quot; &lt;b&gt;</title>')
    const [, config = ''] = /<meta name="twinkey" content="([^"]*)">/.exec(body) ?? []
    const plain = config
      .replaceAll('&quot;', '"')
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&amp;', '&')
    expect(JSON.parse(plain)).toEqual({
      title: 'Keys & "quotes" <b>',
      strings: {},
      idleAfterSeconds: 86_400,
      test: { url: null, header: 'Authorization', value: 'Bearer {secret}' },
    })
  })

  const moved: [target: string, location: string][] = [
    ['/keys', './keys/'],
    ['/keys?key=1&a=./b', './keys/?key=1&a=./b'],
    ['/a/b', './b/'],
    ['/a/b?', './b/?'],
    ...(name.startsWith('web')
      ? []
      : ([
          ['/of/t%201', './t%201/'],
          ['/of/evil.example:80', './evil.example:80/'],
          ['/of/%2e%2e%2fx', './%2e%2e%2fx/'],
        ] as [string, string][])),
  ]
  test.each(moved)('redirects %s to a location relative to it', async (target, location) => {
    const { status, headers } = await get(target)
    expect([status, headers['location'], headers['cache-control']]).toEqual([
      308,
      location,
      'no-store',
    ])
  })

  test('can be framed by the origins that are listed, with the same policy otherwise', async () => {
    const { headers } = await get('/framed/')
    expect(headers['content-security-policy']).toBe(
      POLICY.replace(
        "frame-ancestors 'none'",
        'frame-ancestors https://one.example http://localhost:3000',
      ),
    )
  })

  test('is hidden if authorize returns undefined', async () => {
    for (const target of ['/hidden', '/hidden/']) {
      const { status, headers, body } = await get(target)
      expect([status, body, headers['location']]).toEqual([404, 'Not Found', undefined])
      expect(headers['cache-control']).toBe('no-store')
    }
  })

  test('sends the response that authorize returns, with all its headers', async () => {
    for (const target of ['/login', '/login/']) {
      const { status, headers, body } = await get(target)
      expect([status, body]).toEqual([303, 'Sign in first'])
      expect(headers).toMatchObject({ location: '/login', 'cache-control': 'private' })
      expect(headers['set-cookie']).toBe(
        ['from=keys; Path=/', 'tries=1'].join(host.http2 ? ',' : ', '),
      )
      expect(headers['content-security-policy']).toBeUndefined()
    }
  })
})
