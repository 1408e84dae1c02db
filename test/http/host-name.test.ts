import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { NodeWireRequest, WebWireRequest } from '../../src/http/request.ts'
import { editing } from './edits.ts'
import { allowed, type Expected, refused, seen } from './expect.ts'
import { createFixture, type Fixture } from './fixture.ts'
import { bun } from './host-bun.ts'
import { type Host, hosts, http2Hosts, sendTo } from './hosts.ts'
import { standardRoutes } from './routes.ts'

const IN = allowed({
  name: 'main',
  slot: 'primary',
  via: 'secret',
  tenant: 't1',
  environment: 'production',
  workflow: 'customers.read',
})
const DENIED = refused('tenant_denied')
const REPEATED = refused('target_conflict', {
  detail: 'The request names its target more than once.',
})
const UNREADABLE = refused('request_malformed')

/**
 * The headers beside the credential, and the expected answer. The tenant is the first label of the
 * host, or all of it.
 */
type Row = readonly [
  name: string,
  target: string,
  fields: readonly (readonly [string, string])[],
  expected: Expected,
]

const http1Rows: readonly Row[] = [
  ['the tenant of the key', '/by-host', [['Host', 't1.example.com']], IN],
  ['another tenant', '/by-host', [['Host', 't2.example.com']], DENIED],
  ['the tenant of the key, as the whole host', '/whole-host', [['Host', 't1']], IN],
  ['another tenant, as the whole host', '/whole-host', [['Host', 't2']], DENIED],
  [
    'an absolute URL of the same host',
    'http://t1.example.com/by-host',
    [['Host', 't1.example.com']],
    IN,
  ],
  [
    'an absolute URL of the same host, written otherwise',
    'http://T1.example.com:80/by-host',
    [['Host', 't1.EXAMPLE.com']],
    IN,
  ],
  [
    'a host that another route does not read',
    'http://t1.example.com/customers/1',
    [['Host', 't2.example.com']],
    IN,
  ],
]

// `Bun.serve` builds the URL of a request from Host and hides any other host in the target. There
// Host decides alone.
const byServer = (name: string): readonly Row[] => {
  const [unreadable, reversed, repeated] = name.endsWith('on Bun')
    ? [DENIED, IN, DENIED]
    : [UNREADABLE, UNREADABLE, REPEATED]
  return [
    [
      'an absolute URL of another host',
      'http://t1.example.com/by-host',
      [['Host', 't2.example.com']],
      unreadable,
    ],
    [
      'an absolute URL of another host, the other way round',
      'http://t2.example.com/by-host',
      [['Host', 't1.example.com']],
      reversed,
    ],
    [
      'an absolute URL of another host, as the whole host',
      'http://t1/whole-host',
      [['Host', 't2']],
      repeated,
    ],
    [
      'an absolute URL of another port',
      'http://t1.example.com:8080/by-host',
      [['Host', 't1.example.com:8081']],
      reversed,
    ],
  ]
}

const http2Rows: readonly Row[] = [
  ['the tenant of the key', '/by-host', [[':authority', 't1.example.com']], IN],
  ['another tenant', '/by-host', [[':authority', 't2.example.com']], DENIED],
  ['the tenant of the key, as the whole host', '/whole-host', [[':authority', 't1']], IN],
  ['another tenant, as the whole host', '/whole-host', [[':authority', 't2']], DENIED],
  ['the tenant of the key in Host alone', '/by-host', [['Host', 't1.example.com']], IN],
  ['another tenant in Host alone', '/by-host', [['Host', 't2.example.com']], DENIED],
  [
    'the same in both',
    '/by-host',
    [
      [':authority', 'T1.example.com:80'],
      ['Host', 't1.example.com'],
    ],
    IN,
  ],
  [
    'another tenant in Host',
    '/by-host',
    [
      [':authority', 't1.example.com'],
      ['Host', 't2.example.com'],
    ],
    UNREADABLE,
  ],
  [
    'another tenant in :authority',
    '/by-host',
    [
      [':authority', 't2.example.com'],
      ['Host', 't1.example.com'],
    ],
    UNREADABLE,
  ],
  [
    'two that differ, as the whole host',
    '/whole-host',
    [
      [':authority', 't1'],
      ['Host', 't2'],
    ],
    REPEATED,
  ],
  [
    'two that differ, on a route that does not read them',
    '/customers/1',
    [
      [':authority', 't1'],
      ['Host', 't2'],
    ],
    IN,
  ],
]

// A layer that changes Host in a web-standard request must change its URL too. If they differ, the
// intended host is unknown.
const setRow = (name: string): Row => {
  const fields = [['Host', 't2.example.com'] as const, editing([['host', 't1.example.com']])]
  return [
    'a host that a layer has set',
    '/by-host',
    fields,
    name.endsWith('on Bun') ? UNREADABLE : IN,
  ]
}

const cases = [
  ...Object.entries(hosts).map(
    ([name, start]) => [name, start, [...http1Rows, ...byServer(name), setRow(name)]] as const,
  ),
  ...(bun === undefined
    ? Object.entries(http2Hosts).map(([name, start]) => [name, start, http2Rows] as const)
    : []),
]

describe.each(cases)('a tenant by host name, %s', (_name, start, rows) => {
  let f: Fixture
  let host: Host

  beforeAll(async () => {
    f = await createFixture()
    host = await start(f.twinkey, { routes: standardRoutes, tokens: {}, edits: true })
  })
  afterAll(async () => {
    await host.close()
    await f.twinkey.close()
  })

  test.each(rows)('%s', async (_row, target, fields, expected) => {
    const headers = [['Authorization', `Bearer ${f.secrets.primary}`] as const, ...fields]
    for (const _ of ['cold', 'warm'])
      expect(seen(await sendTo(host, { target, headers }), expected)).toEqual(expected)
  })
})

describe('a web-standard request', () => {
  const host = (url: string, name?: string) =>
    new WebWireRequest(
      new Request(url, name === undefined ? {} : { headers: { host: name } }),
    ).header('host')

  test('has the host of its URL if it has no Host header', () => {
    expect(host('https://acme.example/flows')).toBe('acme.example')
    expect(host('https://acme.example:8443/flows')).toBe('acme.example:8443')
  })

  test.each([
    ['https://acme.example/', 'acme.example', 'acme.example'],
    ['https://acme.example/', 'ACME.example:443', 'ACME.example:443'],
    ['http://xn--bcher-kva.example/', 'XN--bcher-kva.example', 'XN--bcher-kva.example'],
    ['http://[::1]:3000/', '[::1]:3000', '[::1]:3000'],
    ['http://acme.example:3000/', 'acme.example', '\0,'],
    ['http://acme.example/', 'other.example', '\0,'],
    ['http://acme.example/', 'acme.example, acme.example', '\0,'],
    ['http://acme.example/', 'acme.example/other', '\0,'],
    ['http://acme.example/', 'other@acme.example', '\0,'],
    ['http://acme.example/', '', '\0,'],
  ])(
    'has a host if URL and Host agree, and an unreadable one if they differ: %s %s',
    (url, name, read) => {
      expect(host(url, name)).toBe(read)
    },
  )
})

describe('a request of Node', () => {
  const host = (url: string, ...rawHeaders: string[]) =>
    new NodeWireRequest({ url, rawHeaders, httpVersionMajor: 1 }).header('host')

  test.each([
    ['/', [], undefined],
    ['http://acme.example/', [], 'acme.example'],
    ['//other.example/', ['Host', 'acme.example'], 'acme.example'],
    ['/', ['Host', 'acme.example', 'Host', 'acme.example'], '\0,'],
    ['http://other.example\\@acme.example/', ['Host', 'acme.example'], '\0,'],
    ['http://other.example\\@acme.example/', [], '\0,'],
    ['http://', ['Host', 'acme.example'], '\0,'],
  ])('has a host if all its sources agree: %s %j', (url, fields, read) => {
    expect(host(url, ...fields)).toBe(read)
  })
})
