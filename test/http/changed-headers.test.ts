import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RawRequest } from '../support/raw-http.ts'
import { type Edits, editing } from './edits.ts'
import { allowed, type Expected, refused, seen } from './expect.ts'
import { createFixture, type Fixture } from './fixture.ts'
import { allHosts, type Host, sendTo } from './hosts.ts'
import { standardRoutes } from './routes.ts'

type Field = readonly [string, string]

/** What is sent, how a layer before the guards changes the headers, and the expected answer. */
interface Row {
  readonly name: string
  readonly target?: string
  readonly sent: (secrets: Fixture['secrets']) => readonly Field[]
  readonly edits: (secrets: Fixture['secrets']) => Edits
  readonly expected: Expected
}

const bearer = (secret: string): Field => ['Authorization', `Bearer ${secret}`]
const tenant = (name: string): Field => ['X-Tenant-Id', name]
const IN = (name = 'main', of: string | null = 't1') =>
  allowed({
    name,
    slot: 'primary',
    via: 'secret',
    tenant: of,
    environment: 'production',
    workflow: 'customers.read',
  })
const REPEATED = refused('target_conflict', {
  detail: 'The request names its target more than once.',
})
const NO_TENANT = refused('target_missing', { axis: 'tenant' })

const rows: readonly Row[] = [
  {
    name: 'a tenant that is overwritten with one that the key does not reach',
    sent: ({ primary }) => [bearer(primary), tenant('t1')],
    edits: () => [['x-tenant-id', 't2']],
    expected: refused('tenant_denied'),
  },
  {
    name: 'a tenant that is overwritten with one that the key reaches',
    sent: ({ primary }) => [bearer(primary), tenant('t2')],
    edits: () => [['x-tenant-id', 't1']],
    expected: IN(),
  },
  {
    name: 'a tenant that is added',
    sent: ({ allTenants }) => [bearer(allTenants)],
    edits: () => [['x-tenant-id', 't7']],
    expected: IN('all tenants', 't7'),
  },
  {
    name: 'a tenant that is a number',
    sent: ({ allTenants }) => [bearer(allTenants), tenant('t1')],
    edits: () => [['x-tenant-id', 7]],
    expected: IN('all tenants', '7'),
  },
  {
    name: 'a tenant that is removed',
    sent: ({ primary }) => [bearer(primary), tenant('t1')],
    edits: () => [['x-tenant-id', null]],
    expected: NO_TENANT,
  },
  {
    name: 'a tenant that is removed, for an optional reader',
    target: '/by-header-optional',
    sent: ({ primary }) => [bearer(primary), tenant('t2')],
    edits: () => [['x-tenant-id', null]],
    expected: IN(),
  },
  {
    name: 'a tenant that is removed, for a function',
    target: '/by-function',
    sent: ({ primary }) => [bearer(primary), tenant('t1')],
    edits: () => [['x-tenant-id', null]],
    expected: NO_TENANT,
  },
  {
    name: 'a tenant header that is sent twice, and another header that is changed',
    sent: ({ primary }) => [bearer(primary), tenant('t1'), tenant('t1')],
    edits: () => [['x-other', 't1']],
    expected: REPEATED,
  },
  {
    name: 'a tenant header that is sent twice, and replaced by one value',
    sent: ({ primary }) => [bearer(primary), tenant('t2'), tenant('t1')],
    edits: () => [['x-tenant-id', 't1']],
    expected: IN(),
  },
  {
    name: 'a tenant header that is replaced by a list',
    sent: ({ primary }) => [bearer(primary), tenant('t1')],
    edits: () => [['x-tenant-id', ['t1', 't1']]],
    expected: REPEATED,
  },
  {
    name: 'an environment that is removed',
    target: '/by-environment',
    sent: ({ primary }) => [bearer(primary), ['X-Environment', 'test']],
    edits: () => [['x-environment', null]],
    expected: refused('target_missing', { axis: 'environment' }),
  },
  {
    name: 'an environment that is overwritten',
    target: '/by-environment',
    sent: ({ primary }) => [bearer(primary), ['X-Environment', 'test']],
    edits: () => [['x-environment', 'production']],
    expected: IN(),
  },
  {
    name: 'a credential out of a cookie',
    sent: ({ primary }) => [['Cookie', `token=${primary}`], tenant('t1')],
    edits: ({ primary }) => [['authorization', `Bearer ${primary}`]],
    expected: IN(),
  },
  {
    name: 'a credential that is overwritten',
    sent: ({ primary }) => [bearer(primary), tenant('t1')],
    edits: ({ disabled }) => [['authorization', `Bearer ${disabled}`]],
    expected: refused('credential_invalid'),
  },
  {
    name: 'a credential that is removed',
    sent: ({ primary }) => [bearer(primary), tenant('t1')],
    edits: () => [['authorization', null]],
    expected: refused('credential_missing'),
  },
  {
    name: 'a credential that is sent twice, and another header that is changed',
    sent: ({ primary }) => [bearer(primary), bearer(primary), tenant('t1')],
    edits: () => [['x-tenant-id', 't1']],
    expected: refused('credential_ambiguous'),
  },
  {
    name: 'a credential that is sent twice, and replaced by another one',
    sent: ({ primary, disabled }) => [
      bearer(disabled),
      bearer(disabled),
      tenant('t1'),
      ['X-Copy', primary],
    ],
    edits: ({ primary }) => [['authorization', `Bearer ${primary}`]],
    expected: IN(),
  },
  {
    name: 'a second credential beside the first',
    sent: ({ primary }) => [bearer(primary), tenant('t1')],
    edits: ({ primary }) => [['x-api-key', primary]],
    expected: refused('credential_ambiguous'),
  },
  {
    name: 'a credential that is replaced by a list',
    sent: ({ primary }) => [bearer(primary), tenant('t1')],
    edits: ({ primary }) => [['authorization', [`Bearer ${primary}`, `Bearer ${primary}`]]],
    expected: refused('credential_ambiguous'),
  },
]

describe.each(Object.entries(allHosts))(
  'headers that a layer before the guard has changed, on %s',
  (_name, start) => {
    let f: Fixture
    let host: Host

    beforeAll(async () => {
      f = await createFixture()
      host = await start(f.twinkey, {
        routes: standardRoutes,
        tokens: { '/tokens': undefined },
        edits: true,
      })
    })
    afterAll(async () => {
      await host.close()
      await f.twinkey.close()
    })

    const send = (request: RawRequest) => sendTo(host, request)

    test.each(rows)('$name', async ({ target = '/by-header', sent, edits, expected }) => {
      for (const _ of ['cold', 'warm']) {
        const headers = [...sent(f.secrets), editing(edits(f.secrets))]
        expect(seen(await send({ target, headers }), expected)).toEqual(expected)
      }
    })

    test('removing the length of a body that was already read does not widen a token', async () => {
      const body = '{"scope":"workflow:customers.read"}'
      const headers = [
        bearer(f.secrets.primary),
        ['Content-Length', String(body.length)] as const,
        editing([['content-length', null]]),
      ]
      const expected = refused('request_malformed')
      expect(
        seen(await send({ method: 'POST', target: '/drained/tokens', headers, body }), expected),
      ).toEqual(expected)
    })
  },
)
