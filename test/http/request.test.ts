import { describe, expect, it } from 'vitest'
import {
  hideFromUrl,
  type MatchedRoute,
  NodeWireRequest,
  ownMember,
  readHeader,
  readQuery,
  redactUrl,
  WebWireRequest,
  withoutQuery,
} from '../../src/http/request.ts'
import { hideFromQuery } from '../../src/http/secret-query.ts'

const nodeWith = (...rawHeaders: string[]) => new NodeWireRequest({ rawHeaders })
const requests = [
  [
    'of Node',
    (of?: object, route?: MatchedRoute<object>) =>
      new NodeWireRequest<object>({ url: '/' }, of, route),
  ],
  [
    'of the web',
    (of?: object, route?: MatchedRoute<object>) =>
      new WebWireRequest<object>(new Request('http://localhost/'), of, route),
  ],
] as const

describe('a request of Node', () => {
  it('is a GET of / if a host does not say otherwise', () => {
    const request = new NodeWireRequest({})
    expect([request.method, request.url, request.receivedUrl, request.peer]).toEqual([
      'GET',
      '/',
      undefined,
      undefined,
    ])
  })

  it('has the host that the application has set, whatever the caller has sent', () => {
    const url = 'http://sent.example/'
    const rawHeaders = ['Host', 'sent.example', ':authority', 'sent.example']
    const hostOf = (host: string | undefined) =>
      new NodeWireRequest({ url, rawHeaders, headers: host === undefined ? {} : { host } }).header(
        'host',
      )
    expect(['sent.example', 'set.example', undefined].map(hostOf)).toEqual([
      'sent.example',
      'set.example',
      undefined,
    ])
  })

  it('has the id of its framework, as text or a number, or else that of its header', () => {
    const idOf = (requestId?: () => unknown, header = 'sent') => {
      const route = {
        param: () => undefined,
        template: () => undefined,
        ...(requestId && { requestId }),
      }
      const headers = { 'x-request-id': header }
      return new NodeWireRequest<object>({ headers }, {}, route).requestId
    }
    expect(idOf()).toBe('sent')
    expect(idOf(() => 'given')).toBe('given')
    expect(idOf(() => 7)).toBe('7')
    for (const other of [undefined, '', 'a\nb', 'a'.repeat(201), {}]) {
      expect(idOf(() => other)).toBe('sent')
      expect(idOf(() => other, '\n')).toBeUndefined()
    }
    expect(new NodeWireRequest({}).requestId).toBeUndefined()
  })

  it('has a header by its whole name, in any case', () => {
    const request = nodeWith('X-Api-Key', 'a', 'X-Api', 'b', 'x-api-key-2', 'c', 'y-api-key', 'd')
    expect(
      ['x-api-key', 'x-api', 'x-api-key-2', 'y-api-key', 'api-key'].map((name) =>
        request.header(name),
      ),
    ).toEqual(['a', 'b', 'c', 'd', undefined])
  })

  it('joins the values of a repeated header, and never takes a value for a name', () => {
    expect(nodeWith('X-T', 'a', 'x-t', 'b', 'Host', 'x-t', 'X-T', 'c').header('x-t')).toBe(
      'a, b, c',
    )
  })

  it('has the headers that a host made up: text, lists and numbers', () => {
    const headers = { one: 'a', two: ['a', 'b'], three: 7 as unknown as string }
    const request = new NodeWireRequest({ headers })
    expect(['one', 'two', 'three', 'toString'].map((name) => request.header(name))).toEqual([
      'a',
      'a, b',
      '7',
      undefined,
    ])
  })
})

describe('a request of the web', () => {
  it('is read as it is, with the URL that an earlier guard has kept', () => {
    const request = new Request('http://localhost/?a=1', {
      method: 'DELETE',
      headers: { 'x-t': 'a' },
    })
    const wire = new WebWireRequest(request)
    expect([wire.method, wire.url, wire.receivedUrl]).toEqual([
      'DELETE',
      'http://localhost/?a=1',
      undefined,
    ])
    expect([wire.header('x-t'), wire.header('x-u')]).toEqual(['a', undefined])
    hideFromUrl(request, ['a'])
    expect(wire.receivedUrl).toBe('http://localhost/?a=1')
  })
})

describe.each(requests)('the route of a request %s', (_, make) => {
  const route = (value: unknown): MatchedRoute<object> => ({
    param: () => value,
    template: () => value,
  })

  it('is undefined if no route is known', () => {
    expect([make().param('id'), make().template]).toEqual([undefined, undefined])
  })

  it.each([
    ['/flows/:id', '/flows/:id'],
    [['a', 'b'], 'a/b'],
    [7, undefined],
    [undefined, undefined],
  ])('yields text, the segments of a wildcard as one text, and nothing else: %j', (value, text) => {
    const request = make({}, route(value))
    expect([request.param('id'), request.template]).toEqual([text, text])
  })

  it('receives the request of the framework', () => {
    const of = { name: 'req' }
    const asked: unknown[] = []
    make(of, { param: (...args) => asked.push(args), template: (each) => asked.push(each) }).param(
      'id',
    )
    expect(asked).toEqual([[of, 'id']])
  })
})

describe('a parameter of the query', () => {
  it.each([
    ['/?a=1', '1'],
    ['?a=1', '1'],
    ['http://localhost/?b=2&a=1', '1'],
    ['/?a', ''],
    ['/?a=', ''],
    ['/?a=b=c', 'b=c'],
    ['/?a=x+y%20z', 'x y z'],
    ['/?%61=1', '1'],
    ['/?+a=1', undefined],
    ['/?=a', undefined],
    ['/?b=1', undefined],
    ['/?A=1', undefined],
    ['/', undefined],
    ['a=1', undefined],
    ['/#?a=1', undefined],
    ['#?a=1', undefined],
    ['/?b=1#x=1&c=1', undefined],
    ['/a=1', undefined],
    ['/;b=1?a=1', '1'],
    ['/?%ff=1&a=1', '1'],
  ])('is read strictly: %s', (url, value) => {
    expect(readQuery(url, 'a')).toBe(value)
  })

  it('of an empty name has no text before its =', () => {
    expect([readQuery('/?=1', ''), readQuery('/?a=1', '')]).toEqual(['1', undefined])
  })

  it.each([
    ['/?a=%ff', 'request_malformed'],
    ['/?a=%', 'request_malformed'],
    ['/?a=1&a=1', 'target_conflict'],
    ['/?a&a', 'target_conflict'],
    ['/?a=%ff&a=1', 'target_conflict'],
    // Fastify shows a handler each of them as a parameter.
    ['/#a=1', 'request_malformed'],
    ['/?b=1#&a=1', 'request_malformed'],
    ['/?a=1#b=1&%61=2', 'request_malformed'],
    ['/;a=2&b=?a=1', 'request_malformed'],
  ])('is refused if it cannot be read: %s', (url, code) => {
    expect(readQuery(url, 'a')).toMatchObject({ code })
  })
})

describe('a parsed query without a secret', () => {
  const cyclic: Record<string, unknown> = { 'auth-key': 's' }
  cyclic['self'] = cyclic

  it.each([
    [{ 'auth-key': 's', a: '1' }, { a: '1' }],
    [{ 'AUTH-KEY': ['s'], 'auth-key[]': 't', 'x?auth-key': 'u', a: ['1'] }, { a: ['1'] }],
    [{ x: { 'auth-key': 's', b: '2' } }, { x: { b: '2' } }],
    [{ x: ['1;auth-key=s', '2#auth-key=s', 'c;d=e'] }, { x: ['1', '2', 'c;d=e'] }],
    [{ hook: 'https://h.test/?auth-key=s' }, { hook: 'https://h.test/?auth-key=s' }],
    [new URLSearchParams('auth-key=s&Auth-Key=t&a=1'), new URLSearchParams('a=1')],
    [Object.freeze({ 'auth-key': 's' }), { 'auth-key': 's' }],
    [undefined, undefined],
    ['auth-key=s', 'auth-key=s'],
  ])('has nothing else changed: %o', (query, left) => {
    hideFromQuery(query, ['auth-key'])
    expect(query).toEqual(left)
  })

  it('may hold itself', () => {
    hideFromQuery(cyclic, ['auth-key'])
    expect(Object.keys(cyclic)).toEqual(['self'])
  })
})

describe('a URL without a secret', () => {
  it.each([
    ['/?auth-key=s', '/', '/?auth-key=[redacted]'],
    ['?auth-key=s', '', '?auth-key=[redacted]'],
    ['/?a=1&auth-key=s&b=2', '/?a=1&b=2', '/?a=1&auth-key=[redacted]&b=2'],
    ['/?AUTH-KEY=s', '/', '/?AUTH-KEY=[redacted]'],
    ['/?%61uth-key=s', '/', '/?%61uth-key=[redacted]'],
    ['/?auth-key', '/', '/?auth-key=[redacted]'],
    ['/?=s', '/?=s', '/?=s'],
    ['/?%ff=s', '/?%ff=s', '/?%ff=s'],
    ['/?auth-key=s#f', '/#f', '/?auth-key=[redacted]#f'],
    // The reader finds no query here, but the parsers of some frameworks do.
    ['/?#auth-key=s', '/?', '/?#auth-key=[redacted]'],
    ['/#auth-key=s', '/', '/#auth-key=[redacted]'],
    ['/#x?auth-key=s', '/', '/#x?auth-key=[redacted]'],
    ['/?a=1#x?auth-key=s&b=2', '/?a=1#b=2', '/?a=1#x?auth-key=[redacted]&b=2'],
    ['/?auth-key=s&auth-key=t&b=2', '/?b=2', '/?auth-key=[redacted]&auth-key=[redacted]&b=2'],
    ['/?auth-key=s#auth-key=t&b=2', '/#b=2', '/?auth-key=[redacted]#auth-key=[redacted]&b=2'],
    [
      '/?a=1&auth-key[]=s&x[auth-key]=t&b=2',
      '/?a=1&b=2',
      '/?a=1&auth-key[]=[redacted]&x[auth-key]=[redacted]&b=2',
    ],
    ['/?a=1;auth-key=s;t&b=2', '/?a=1&b=2', '/?a=1;auth-key=[redacted]&b=2'],
    // The path decides about routes, and a URL inside a value is the application's.
    ['/p;auth-key=s', '/p;auth-key=s', '/p;auth-key=[redacted]'],
    ['/?hook=/x?auth-key=s', '/?hook=/x?auth-key=s', '/?hook=/x?auth-key=[redacted]'],
    [
      '/?hook=%2Fx%3Fauth-key%3Ds',
      '/?hook=%2Fx%3Fauth-key%3Ds',
      '/?hook=%2Fx%3Fauth-key=[redacted]',
    ],
    // An escaped = is part of a name in this query.
    ['/?a%3dauth-key=s', '/', '/?a%3dauth-key=[redacted]'],
    ['/?a%253D{auth-key=s&b=2', '/?b=2', '/?a%253D{auth-key=[redacted]&b=2'],
    ['/#a%3dauth-key=s', '/', '/#a%3dauth-key=[redacted]'],
    ['/?a=1%3dauth-key=s', '/?a=1%3dauth-key=s', '/?a=1%3dauth-key=s'],
    // Only redactUrl takes a line of a log. To the other function it is one long value.
    ['GET /?auth-key=s HTTP/1.1', 'GET /', 'GET /?auth-key=[redacted] HTTP/1.1'],
    ['/?auth-key=s\u2029t&b=2', '/?b=2', '/?auth-key=[redacted]&b=2'],
    ['/?auth-key=s\u00a0t', '/', '/?auth-key=[redacted]'],
    ['/a', '/a', '/a'],
  ])('has nothing else changed: %s', (url, without, redacted) => {
    expect(withoutQuery(url, ['auth-key'])).toBe(without)
    expect(redactUrl(url, ['auth-key'])).toBe(redacted)
  })

  it('loses each of the names, and no name that only begins like one', () => {
    expect(withoutQuery('/?one=1&two=2&on=3&=4', ['one', 'two'])).toBe('/?on=3&=4')
    expect(redactUrl('/?one=1&auth-key=2&', ['one', 'two'])).toBe('/?one=[redacted]&auth-key=2&')
  })

  it('is not redacted without a list of names', () => {
    for (const names of [undefined, null, 'key', 0, {}, [''], ['key', 7]])
      expect(() => redactUrl('/?key=s', names as never)).toThrow(
        new TypeError(
          "redactUrl: the second argument must be a list of the query parameters to redact, as in redactUrl(url, ['key']).",
        ),
      )
    expect(['/?key=s', '/?key=t'].map((url) => redactUrl(url, ['key']))).toEqual([
      '/?key=[redacted]',
      '/?key=[redacted]',
    ])
    expect(redactUrl('https://u:p@host/?key=s', [])).toBe('https://[redacted]@host/?key=s')
  })

  it('is kept as received for the next guard, which may remove more', () => {
    const request: { url?: string } = { url: '/?a=1&b=2' }
    request.url = hideFromUrl(request, ['a'])
    request.url = hideFromUrl(request, ['b'])
    expect([request.url, new NodeWireRequest(request).receivedUrl]).toEqual(['/', '/?a=1&b=2'])
    expect(Object.keys(request)).toEqual(['url'])
  })

  it('is / if a host gives none', () => {
    const request = {}
    expect([hideFromUrl(request, ['a']), new NodeWireRequest(request).receivedUrl]).toEqual([
      '/',
      '/',
    ])
  })

  it('may be kept on another object than the one it was read from', () => {
    const [from, into] = [{ url: '/?a=1' }, {}]
    expect(hideFromUrl(from, ['a'], into)).toBe('/')
    expect([new NodeWireRequest(from).receivedUrl, new NodeWireRequest(into).receivedUrl]).toEqual([
      undefined,
      '/?a=1',
    ])
    hideFromUrl({ url: '/?a=2' }, ['a'], into)
    expect(new NodeWireRequest(into).receivedUrl).toBe('/?a=2')
  })
})

describe('a header that names a target', () => {
  it.each([
    ['acme', 'acme'],
    ['~ !', '~ !'],
    ['', ''],
  ])('must appear once and in ASCII: %j', (value, read) => {
    expect(readHeader(nodeWith('x-t', value), 'x-t')).toBe(read)
  })

  it.each([
    ['a,b', 'target_conflict'],
    ['ü', 'request_malformed'],
    ['a\x1f', 'request_malformed'],
    ['a\x7f', 'request_malformed'],
  ])('is refused otherwise: %j', (value, code) => {
    expect(readHeader(nodeWith('x-t', value), 'x-t')).toMatchObject({ code })
  })
})

describe('an own member', () => {
  it.each([[null], [undefined], ['text'], [7], [Object.create({ length: 1 })], [() => {}]])(
    'does not exist on %j',
    (of) => {
      expect(ownMember(of, 'length')).toBeUndefined()
    },
  )

  it('is read if it exists', () => {
    expect(ownMember({ length: 1 }, 'length')).toBe(1)
  })
})
