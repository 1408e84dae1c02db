import { describe, expect, it, onTestFinished } from 'vitest'
import { createPublicKeys } from '../../../src/endpoints/leaks/public-keys.ts'
import { createClock } from '../../support/clock.ts'
import { createSigner, startKeyServer } from './scene.ts'

async function createScene() {
  const clock = createClock()
  const [first, second] = [createSigner('first'), createSigner('second')]
  const server = await startKeyServer(first.listed)
  onTestFinished(() => server.close())
  const keys = createPublicKeys({ url: server.url, fetch, now: clock.now })
  return { clock, first, second, server, keys }
}

describe('the list of public keys', () => {
  it('is loaded once for many reports at the same time, and again after an hour', async () => {
    const { clock, server, keys } = await createScene()
    const found = await Promise.all(Array.from({ length: 20 }, () => keys.find('first')))
    expect(found.every((key) => key !== undefined)).toBe(true)
    clock.advance(3_599_999)
    await keys.find('first')
    expect(server.requests()).toBe(1)
    clock.advance(1)
    await keys.find('first')
    await expect.poll(() => server.requests()).toBe(2)
  })

  it('is loaded for an unknown identifier, unless it is younger than five seconds', async () => {
    const { clock, second, first, server, keys } = await createScene()
    await keys.find('first')
    server.list(first.listed, second.listed)
    clock.advance(4_999)
    expect(await keys.find('second')).toBeUndefined()
    expect(server.requests()).toBe(1)
    clock.advance(1)
    expect(await keys.find('second')).toBeDefined()
    for (let i = 0; i < 50; i++) expect(await keys.find(`made-up-${i}`)).toBeUndefined()
    expect(server.requests()).toBe(2)
  })

  it('is loaded at most 35 times in an hour of unknown identifiers, and a new key still works', async () => {
    const { clock, second, first, server, keys } = await createScene()
    const errors = new Set<unknown>()
    const began = clock.now()
    for (let i = 0; clock.now() - began < 3_600_000; i++) {
      await keys.find(`made-up-${i}`).catch((error: unknown) => errors.add(error))
      clock.advance(1_000)
    }
    expect(server.requests()).toBeGreaterThan(30)
    expect(server.requests()).toBeLessThanOrEqual(35)
    // One error for each list, so that a flood is not a flood of warnings.
    expect(errors.size).toBeLessThanOrEqual(35)
    server.list(first.listed, second.listed)
    const loads = server.requests()
    while ((await keys.find('second').catch(() => undefined)) === undefined) clock.advance(1_000)
    expect(server.requests()).toBe(loads + 1)
    expect(clock.now() - began).toBeLessThanOrEqual(3_600_000 + 120_000)
  })

  it('that was loaded too often is an error for an unknown key, and not a wrong signature', async () => {
    const { clock, keys } = await createScene()
    for (let load = 1; load <= 5; load++) {
      expect(await keys.find('unknown')).toBeUndefined()
      clock.advance(5_000)
    }
    const error = await keys.find('unknown').catch((thrown: unknown) => thrown)
    expect(String(error)).toContain('loaded too often')
    expect(await keys.find('first')).toBeDefined()
    // The first load is 120 seconds ago.
    clock.advance(94_999)
    expect(await keys.find('unknown').catch((thrown: unknown) => thrown)).toBe(error)
    clock.advance(1)
    expect(await keys.find('unknown')).toBeUndefined()
  })

  it('forgets a key that is no longer listed, or no longer current', async () => {
    const { clock, first, second, server, keys } = await createScene()
    await keys.find('first')
    server.list({ ...first.listed, is_current: false }, second.listed)
    clock.advance(5_000)
    expect(await keys.find('second')).toBeDefined()
    expect(await keys.find('first')).toBeUndefined()
  })

  it('stays in use while it cannot be loaded, for a day at most', async () => {
    const { clock, server, keys } = await createScene()
    await keys.find('first')
    server.answer((response) => response.writeHead(500).end())
    clock.advance(86_399_999)
    expect(await keys.find('first')).toBeDefined()
    await expect.poll(() => server.requests()).toBe(2)
    clock.advance(30_001)
    await expect(keys.find('first')).rejects.toThrow('the response has status 500')
  })

  it('that was never loaded is an error, and is tried again after half a minute', async () => {
    const { clock, first, server, keys } = await createScene()
    server.answer((response) => response.writeHead(403).end())
    await expect(keys.find('first')).rejects.toThrow('status 403')
    server.list(first.listed)
    clock.advance(29_999)
    await expect(keys.find('first')).rejects.toThrow('status 403')
    expect(server.requests()).toBe(1)
    clock.advance(1)
    expect(await keys.find('first')).toBeDefined()
  })

  it.each([
    ['is not JSON', 'no json'],
    ['has no list', '{}'],
    ['has no current key', '{"public_keys":[]}'],
    ['has entries that are no keys', '{"public_keys":[null,1,{"key_identifier":"first"}]}'],
    ['has too many keys', JSON.stringify({ public_keys: new Array(33).fill({}) })],
    ['is too long', ' '.repeat(65_537)],
  ])('is not replaced by a response that %s', async (_, text) => {
    const { clock, server, keys } = await createScene()
    await keys.find('first')
    server.answer((response) => response.writeHead(200).end(text))
    clock.advance(5_000)
    // Unknown, because the list could not be loaded again. GitHub may list it by now.
    await expect(keys.find('second')).rejects.toThrow()
    expect(server.requests()).toBe(2)
    expect(await keys.find('first')).toBeDefined()
  })

  it('that cannot be loaded again is an error for a new key, and not a wrong signature', async () => {
    const { clock, second, first, server, keys } = await createScene()
    await keys.find('first')
    server.answer((response) => response.writeHead(500).end())
    clock.advance(5_000)
    const error = await keys.find('second').catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(Error)
    clock.advance(29_999)
    expect(await keys.find('second').catch((thrown: unknown) => thrown)).toBe(error)
    server.list(first.listed, second.listed)
    clock.advance(1)
    expect(await keys.find('second')).toBeDefined()
    expect(await keys.find('made-up')).toBeUndefined()
  })

  it('is not loaded from where a redirect leads', async () => {
    const { server, keys } = await createScene()
    const elsewhere = await startKeyServer(createSigner('first').listed)
    onTestFinished(() => elsewhere.close())
    server.answer((response) => response.writeHead(302, { location: elsewhere.url }).end())
    await expect(keys.find('first')).rejects.toThrow('the response has status 302')
    expect(elsewhere.requests()).toBe(0)
  })

  it('is loaded on Workers, whose fetch throws for an option of redirect other than two', async () => {
    const { first } = await createScene()
    const keys = createPublicKeys({
      url: 'https://keys.test',
      fetch: async (_, { redirect }) => {
        if (redirect !== 'follow' && redirect !== 'manual') throw new TypeError('redirect')
        return Response.json({ public_keys: [first.listed] })
      },
      now: Date.now,
    })
    expect(await keys.find('first')).toBeDefined()
  })
})
