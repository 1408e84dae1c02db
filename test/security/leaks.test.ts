import { createHash, randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { createTwinkey, generateSigningKey } from 'twinkey'
import { describe, expect, it, test } from 'vitest'
import { hosts } from '../http/hosts.ts'
import { shown } from '../support/shown.ts'
import { leaksOf } from './leak-channels.ts'
import { manage, SHOWN } from './leak-management.ts'
import { createNet } from './leak-net.ts'
import { hiding, plants, tableWith } from './leak-plants.ts'
import { send, tables } from './leak-tables.ts'
import { describeTables } from './leaks-suite.ts'

// leaks.interop.test.ts has the other tables of these hosts, and Express 4.
describeTables(['Hono 4 on Node'], Object.keys(tables))
describeTables(['Express 5', 'Fastify 5'], ['standard'])

describe.each(Object.entries(hosts))('nothing secret leaves %s', (host, start) => {
  test.each(plants)('unseen, as a secret $what shows', async (plant) => {
    const { channels, net } = await send(start, await tableWith(plant), [])
    const where = 'length' in plant.where ? plant.where : plant.where[host]
    expect(Object.keys(leaksOf(channels, net)).sort()).toEqual([...(where as string[])].sort())
  })
})

describe('management calls answer, throw, report and print nothing secret', () => {
  it('except in the members that exist to show it', async () => {
    const { channels, net } = await manage()
    for (const channel of ['values', 'errors', 'events', 'traces'] as const)
      expect(channels.left[channel].size, channel).toBeGreaterThan(20)
    expect(leaksOf(channels, net)).toEqual({})
  })

  it('which are these', async () => {
    const { keys, tokens } = createTwinkey()
    const created = await keys.create({ name: 'n', scope: { tenants: ['t'], workflows: '*' } })
    const { id } = created.key
    const renewed = await keys.renew(id, { slots: 'secondary' })
    const rotated = await keys.rotate(id, { replace: 'secondary' })
    const issued = await tokens.issue(rotated.primary)
    const net = createNet({
      secrets: [created.primary, created.secondary as string, renewed.secondary, rotated.primary],
      tokens: issued.ok ? [issued.token] : [],
    })
    const showing = (answer: object) =>
      Object.entries(answer).flatMap(([name, value]) => (net.caught(shown(value)) ? name : []))
    const showed = {
      create: showing(created),
      rotate: showing(rotated),
      renew: showing(renewed),
      issue: showing(issued),
    }
    expect(showed).toEqual(SHOWN)
  })
})

describe('the net', () => {
  const secret = 'acme_0123456789abcdefQKsGQLmZujVpKdwXvdFItkS3IDLF5XzegRY0s6VIabc000000'
  const random = secret.slice(-49, -6)
  const digest = createHash('sha256').update(secret).digest()
  const pepper = randomBytes(32)
  const net = createNet({ secrets: [secret], peppers: [pepper] })

  test.each<[string, unknown]>([
    ['a secret', secret],
    ['twelve characters of one', random.slice(20, 32)],
    ['a secret in a Basic header', Buffer.from(`:${secret}`).toString('base64')],
    ['a secret in a longer Basic header', Buffer.from(`ab:${secret}`).toString('base64')],
    ['a secret with escapes', random.replace(/./g, (c) => `%${c.charCodeAt(0).toString(16)}`)],
    ['the bytes of a secret', Buffer.from(secret).subarray(21, 60)],
    ['a digest in hex', digest.toString('hex')],
    ['a digest in capital hex', digest.toString('hex').toUpperCase()],
    ['a digest in base64', digest.toString('base64')],
    ['a stored digest', `sha-256:${digest.toString('base64url')}`],
    ['the bytes of a digest', digest],
    ['the bytes of a digest in JSON', JSON.stringify(digest)],
    ['a digest as an array of bytes', new Uint8Array(digest)],
    ['a digest as an array of pairs', inspect(new Uint16Array(new Uint8Array(digest).buffer))],
    ['a pepper', pepper],
    ['a pepper in JSON', JSON.stringify(new Uint8Array(pepper))],
    ['an error that hides a secret', hiding(secret)],
  ])('catches %s', (_what, value) => {
    expect(net.caught(typeof value === 'string' ? value : shown(value))).toBeDefined()
  })

  test.each(['ES256', 'EdDSA', 'RS256'] as const)(
    'catches each private member of a signing key for %s, and no public one',
    async (algorithm) => {
      const key = await generateSigningKey(algorithm)
      const own = createNet({ signingKeys: [key] })
      const caught = Object.entries(key).flatMap(([member, value]) =>
        own.caught(JSON.stringify({ [member]: value })) ? member : [],
      )
      expect(caught.sort()).toEqual(
        algorithm === 'RS256' ? ['d', 'dp', 'dq', 'p', 'q', 'qi'] : ['d'],
      )
    },
  )

  test('passes what is not secret', () => {
    for (const text of [
      secret.slice(0, 21),
      secret.slice(-4),
      random.slice(0, 11),
      'credential_invalid',
    ])
      expect(net.caught(text)).toBeUndefined()
  })
})
