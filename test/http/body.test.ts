import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { readNodeBody, takenBody } from '../../src/adapters/node/body.ts'
import { hideNodeQuery } from '../../src/adapters/node/query.ts'
import { hideWebQuery, withHeaders } from '../../src/adapters/web/context.ts'
import { REFUSALS } from '../../src/core/model/refusal.ts'
import { type BodySource, collectBody, readBody, unreadBody } from '../../src/http/body.ts'
import { NodeWireRequest } from '../../src/http/request.ts'

const MAX = 65_536
const URL_WITH_USER_IS_TAKEN = process.versions['bun'] !== undefined
const MALFORMED = REFUSALS.bodyMalformed
// Not bodyMalformed: the consumed body may have been a good one.
const UNREADABLE = REFUSALS.requestMalformed
const bytes = (text: string) => ({ bytes: new TextEncoder().encode(text) })

const RESPONSE = new ServerResponse(new IncomingMessage(new Socket()))

describe('the body of a token request', () => {
  it.each<[string, BodySource, unknown]>([
    ['JSON with blanks around it', bytes(' \n{"scope":"a"}\r\n'), { scope: 'a' }],
    ['a form with blanks around it', { parsed: ' scope=a\n' }, { scope: 'a' }],
    ['nothing but blanks', bytes(' \r\n'), undefined],
    [
      'bytes that a parser left as they were',
      { parsed: bytes('{"scope":"a"}').bytes },
      { scope: 'a' },
    ],
    ['a form without members', { parsed: {} }, undefined],
    [
      'JSON that a form parser took for a name',
      { parsed: { '{"scope":"a"}': '' } },
      { scope: 'a' },
    ],
    ['the same with a blank before it', { parsed: { ' {"scope":"a"}': '' } }, { scope: 'a' }],
    [
      'as much as it may be',
      { parsed: `scope=${'a'.repeat(MAX - 6)}` },
      { scope: 'a'.repeat(MAX - 6) },
    ],
  ])('may be %s', (_name, source, members) => {
    expect(readBody(source)).toEqual(members)
  })

  it.each<[string, BodySource]>([
    ['a form with a blank in it', bytes('a b=1')],
    ['a form with a blank at its end and more', bytes('a=1 b')],
    [
      'bytes that are no UTF-8',
      { bytes: new Uint8Array([...bytes('{"scope":"').bytes, 0xff, ...bytes('"}').bytes]) },
    ],
    ['a text that is longer than a body may be', { parsed: `scope=${'a'.repeat(MAX - 5)}` }],
    ['JSON as a name that has a value', { parsed: { '{"scope":"a"}': 'b' } }],
    ['JSON as a name beside another', { parsed: { '{"scope":"a"}': '', b: '' } }],
  ])('is refused where it is %s', (_name, source) => {
    expect(readBody(source)).toBe(MALFORMED)
  })

  it('that was already refused stays refused for the same reason', () => {
    expect(readBody(REFUSALS.credentialInvalid)).toBe(REFUSALS.credentialInvalid)
  })

  it('is collected from all of its parts, in their order', async () => {
    const parts = ['a', 'bc', 'def', 'g'].map((part) => bytes(part).bytes)
    expect(await collectBody(Readable.from(parts))).toEqual(bytes('abcdefg'))
  })

  it('keeps none of its chunks, so that chunks of one byte take little memory', async () => {
    async function* chunks() {
      const chunk = new Uint8Array(1)
      for (let i = 0; i < 3000; i++) {
        chunk[0] = i % 251
        yield chunk
      }
    }
    const expected = { bytes: Uint8Array.from({ length: 3000 }, (_, i) => i % 251) }
    expect(await collectBody(chunks())).toEqual(expected)
    expect(await collectBody(chunks(), 3000)).toEqual(expected)
    expect(await collectBody(chunks(), 2999)).toBe(MALFORMED)
  })

  it('is refused if it breaks off', async () => {
    async function* broken() {
      yield bytes('a=1').bytes
      throw new Error('reset')
    }
    expect(await collectBody(broken())).toBe(UNREADABLE)
  })
})

describe('a body that something else has consumed', () => {
  it.each([
    ['on HTTP/1 with no header of a body', 1, [], 'nothing'],
    ['on HTTP/1 in chunks', 1, ['Transfer-Encoding', 'chunked'], 'refused'],
    ['on HTTP/1 with a length', 1, ['Content-Length', '3'], 'refused'],
    ['with the length 0', 2, ['Content-Length', '0'], 'nothing'],
    ['on HTTP/2 with no header of a body', 2, [], 'refused'],
  ])('is recognised by its headers: %s', (_name, httpVersionMajor, rawHeaders, was) => {
    expect(takenBody({ httpVersionMajor, rawHeaders })).toEqual(
      was === 'nothing' ? bytes('') : UNREADABLE,
    )
  })

  it('is assumed where the announcement of bodies is unknown', () => {
    expect(unreadBody(new NodeWireRequest({ rawHeaders: [] }), 'other')).toBe(UNREADABLE)
  })
})

describe('the body of a request of Node', () => {
  const taken = (body: unknown) => ({
    httpVersionMajor: 1,
    rawHeaders: [],
    readableDidRead: true,
    complete: true,
    destroyed: false,
    body,
    iterator: () => expect.fail('read'),
    on: () => expect.fail('read'),
    resume: () => expect.fail('read'),
  })

  it.each([[undefined], [null]])(
    'follows from the headers if a parser has left %j',
    async (body) => {
      expect(await readNodeBody(taken(body), RESPONSE)).toEqual(bytes(''))
    },
  )

  it.each([[''], [0], [{}]])('is the value that a parser has made: %j', async (body) => {
    expect(await readNodeBody(taken(body), RESPONSE)).toEqual({ parsed: body })
  })

  it('leaves the connection open for the answer if it exceeds the limit', async () => {
    const stream = Readable.from(Array.from({ length: 10 }, () => Buffer.alloc(MAX / 2)))
    const arriving = Object.assign(stream, { complete: true, rawHeaders: [] })
    expect(await readNodeBody(arriving, RESPONSE)).toBe(MALFORMED)
    expect(stream.destroyed).toBe(false)
    stream.destroy()
  })
})

describe('what a handler sees of a secret in the query', () => {
  it('is nothing, and a missing URL is not invented', () => {
    const [request, query] = [{}, { 'AUTH-KEY': 's', a: '1' }]
    hideNodeQuery(request, query, ['auth-key'])
    expect([request, query]).toEqual([{}, { a: '1' }])
  })

  it.each(['read', 'being read'])(
    'is nothing, and a body that was %s counts as used',
    async (state) => {
      const request = new Request('http://localhost/?auth-key=s&b=1', {
        method: 'POST',
        headers: { 'x-a': '1' },
        body: 'text',
      })
      if (state === 'read') await request.text()
      else request.body?.getReader()
      const seen = hideWebQuery(request, ['auth-key'])
      expect([seen.url, seen.method, seen.headers.get('x-a'), seen.bodyUsed]).toEqual([
        'http://localhost/?b=1',
        'POST',
        '1',
        true,
      ])
    },
  )

  // Bun accepts a request with user information in its URL, and keeps it.
  const user = URL_WITH_USER_IS_TAKEN ? 'user:word@' : ''

  it.each([
    [
      'http://user:word@localhost/?auth-key=s&b=http://c@d',
      `http://${user}localhost/?b=http://c@d`,
    ],
    ['http://localhost/?auth-key=s&b=http://c@d', 'http://localhost/?b=http://c@d'],
  ])(
    'is nothing where Fetch cannot make such a request, and everything else is unchanged: %s',
    (url, without) => {
      const request = new Request('http://localhost/', { headers: { 'x-a': '1' } })
      Object.defineProperties(request, { url: { value: url }, method: { value: 'TRACE' } })
      const seen = hideWebQuery(request, ['auth-key'])
      expect([seen.url, seen.method, seen.headers.get('x-a')]).toEqual([without, 'TRACE', '1'])
    },
  )
})

it('a response that only switches protocols is passed on unchanged', () => {
  const response = Object.defineProperty(new Response(null), 'status', { value: 101 })
  expect(withHeaders(response, [['cache-control', 'no-store']])).toBe(response)
})
