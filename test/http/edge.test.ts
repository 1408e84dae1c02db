import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { converse, type Heard } from './converse.ts'
import { edgeConnectionTable } from './edge-connection-table.ts'
import { edgeHeaderTable } from './edge-header-table.ts'
import { edgeTargetTable } from './edge-target-table.ts'
import { createFixture, type Fixture } from './fixture.ts'
import { bun } from './host-bun.ts'
import { type Host, hosts } from './hosts.ts'
import { standardRoutes } from './routes.ts'

const table = [...edgeHeaderTable, ...edgeTargetTable, ...edgeConnectionTable]

describe.each(Object.entries(hosts))('at the edges, %s', (name, start) => {
  const hostName = bun === undefined || name.endsWith('on Bun') ? name : `${name} on Bun`
  let fixture: Fixture
  let host: Host

  beforeAll(async () => {
    fixture = await createFixture()
    host = await start(fixture.twinkey, {
      routes: standardRoutes,
      tokens: { '/tokens': undefined },
    })
  })
  afterAll(async () => {
    await host.close()
    await fixture.twinkey.close()
  })

  test.each(table)('$name', async ({ say, expected, except }) => {
    // Twice: the first answer may come from the store, the second from the cache.
    for (const _ of ['cold', 'warm']) {
      const heard = await converse(host.port, say(fixture))
      expect(heard.map(verdictOf).join(', ')).toBe(except[hostName] ?? expected)
    }
  })
})

test('where hosts differ at the edges, no two of them accept different callers', () => {
  for (const { name, expected, except } of table) {
    const letIn = [expected, ...Object.values(except)].flatMap(
      (verdicts) => verdicts.match(/200 [a-z ]+\/\w+/g) ?? [],
    )
    const several = expected.includes(', ')
    if (!several) expect(new Set(letIn).size, name).toBeLessThan(2)
  }
})

test('at the edges a request is accepted only with an active secret in its bytes', async () => {
  const fixture = await createFixture()
  const live = Object.values(fixture.secrets)
  for (const { name, say, expected, except } of table) {
    const sent = say(fixture).map(({ bytes }) => bytes)
    if (live.some((secret) => sent.join('').includes(secret))) continue
    for (const verdicts of [expected, ...Object.values(except)])
      expect(verdicts, name).not.toMatch(/200 [a-z]/)
  }
})

function verdictOf({ status, body }: Heard): string {
  const { name, tenant, code, detail, access_token: token } = membersOf(body)
  if (typeof name === 'string')
    return `${status} ${name}${typeof tenant === 'string' ? `/${tenant}` : ''}`
  if (typeof token === 'string') return `${status} token`
  // Fastify's own answers have a code, but no detail.
  return typeof code === 'string' && typeof detail === 'string'
    ? `${status} ${code}`
    : String(status)
}

function membersOf(body: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(body)) as Record<string, unknown>
  } catch {
    return {}
  }
}
