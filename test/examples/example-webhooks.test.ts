import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Webhook } from 'standardwebhooks'
import { expect, onTestFinished, test, vi } from 'vitest'
import { eventOf, headersOf } from '../../examples/webhooks/message.ts'
import { send } from '../../examples/webhooks/sender.ts'
import { addEntries, endRound, readState, type State } from '../../examples/webhooks/state.ts'
import { linesOf, runExample } from '../support/example.ts'
import { createGate } from '../support/gate.ts'

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
const OPTIONS = {
  secret: SECRET,
  source: 'urn:test',
  pollMilliseconds: 1,
  retryMilliseconds: 1,
  maxRetryMilliseconds: 10,
}
const entryAt = (id: string, at: number, keyId = 'k') =>
  ({ id, type: 'key.created', at, keyId, version: 1, name: 'n', owner: null }) as never
const newState = (rounds = 0): State => ({
  cursor: 0,
  rounds,
  pending: new Map(),
  seen: new Map(),
})

test('the example webhooks delivers each change in order, after failures and a restart', async () =>
  expect(linesOf(await runExample('webhooks'))).toEqual([
    'A key and its rotation',
    'com.example.key.created: Billing',
    'com.example.key.rotated: Billing',
    'While the receiver is down, and then loses its answers',
    '0 arrived',
    'com.example.key.disabled: Billing',
    'com.example.key.enabled: Billing',
    'While the sender is stopped',
    'com.example.key.revoked: Billing',
    '0 had a wrong signature',
  ]))

test('a delivery of the example webhooks is verified by the library of Standard Webhooks, and no changed one is', () => {
  const body = eventOf(entryAt('e1', Date.UTC(2026, 0, 1)), 'urn:test')
  const headers = headersOf('e1', body, SECRET, Date.now())
  const webhook = new Webhook(SECRET)
  expect(webhook.verify(body, headers)).toEqual({
    specversion: '1.0',
    id: 'e1',
    source: 'urn:test',
    type: 'com.example.key.created',
    subject: 'k',
    time: '2026-01-01T00:00:00.000Z',
    datacontenttype: 'application/json',
    data: { version: 1, name: 'n', owner: null, keyId: 'k' },
  })
  expect(() => webhook.verify(`${body} `, headers)).toThrow()
  expect(() => webhook.verify(body, { ...headers, 'webhook-id': 'e2' })).toThrow()
  const old = headersOf('e1', body, SECRET, Date.now() - 301_000)
  expect(() => webhook.verify(body, old)).toThrow('too old')
})

test('the example webhooks sends neither the address of the person who made a change nor the digest of their request', () => {
  const entry = {
    ...(entryAt('e1', 1) as object),
    source: { requestId: 'r', address: '192.0.2.1', userAgent: 'Firefox' },
    requestDigest: 'digest of the input',
  }
  const body = eventOf(entry as never, 'urn:test')
  for (const text of ['192.0.2.1', 'Firefox', 'digest']) expect(body).not.toContain(text)
})

test('the example webhooks goes on after the history could not be read', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'webhooks-'))
  const stop = new AbortController()
  let reads = 0
  const history = async () => {
    if (++reads === 3) stop.abort()
    if (reads === 1) throw new Error('down')
    return { entries: [], nextCursor: 'next', hasMore: false }
  }
  const report = vi.spyOn(console, 'error').mockImplementation(() => {})
  onTestFinished(() => {
    report.mockRestore()
    rmSync(folder, { recursive: true })
  })
  const file = join(folder, 'state.json')
  const options = { ...OPTIONS, url: 'http://127.0.0.1:1', file }
  await send({ ...options, keys: { history } as never }, stop.signal)
  expect([reads, readState(file).cursor]).toEqual([3, 'next'])
  expect(report).toHaveBeenCalledOnce()
})

test('the example webhooks sends at most 16 changes at a time, one of each key, and a key that fails delays no other', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'webhooks-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const stop = new AbortController()
  const entries = Array.from({ length: 120 }, (_, i) => entryAt(`e${i}`, i + 1, `k${i % 40}`))
  const history = async ({ after }: { readonly after: number }) => ({
    entries: entries.slice(after, after + 50),
    nextCursor: after + 50 < entries.length ? after + 50 : 0,
    hasMore: after + 50 < entries.length,
  })
  const [arrived, failed, atOnce] = [new Map<string, string[]>(), new Map<string, number>(), [0]]
  const busy = new Set<string>()
  const full = createGate()
  const server = createServer(async (request, response) => {
    const { id, subject } = JSON.parse(Buffer.concat(await request.toArray()).toString())
    expect(busy).not.toContain(subject)
    busy.add(subject)
    atOnce.push(busy.size)
    // The first ones wait for each other, and a seventeenth would come meanwhile.
    if (busy.size === 16) full.open()
    await full.opened
    await new Promise((resolve) => setTimeout(resolve, 5))
    busy.delete(subject)
    if (subject === 'k7') {
      failed.set(id, (failed.get(id) ?? 0) + 1)
      response.writeHead(500).end()
      return
    }
    arrived.set(subject, [...(arrived.get(subject) ?? []), id])
    response.writeHead(204).end()
    if ([...arrived.values()].flat().length === 117) stop.abort()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const file = join(folder, 'state.json')
  await send({ ...OPTIONS, url, file, keys: { history } as never }, stop.signal)
  server.closeAllConnections()
  server.close()
  expect(Math.max(...atOnce)).toBe(16)
  for (let key = 0; key < 40; key++)
    if (key !== 7)
      expect(arrived.get(`k${key}`)).toEqual([`e${key}`, `e${key + 40}`, `e${key + 80}`])
  expect([...failed.keys()]).toEqual(['e7'])
  expect(failed.get('e7')).toBeGreaterThan(1)
  // Nothing but the key that failed is sent after a restart.
  const waiting = [...readState(file).pending].map(([keyId, pending]) => [
    keyId,
    pending.map(({ entry }) => entry.id),
  ])
  expect(waiting).toContainEqual(['k7', ['e7', 'e47', 'e87']])
  expect(waiting.length).toBeLessThanOrEqual(17)
})

test('the example webhooks puts a change before a later one of the same key, even if it was read after it', () => {
  const state = newState(4)
  addEntries(state, [entryAt('two', 2)])
  endRound(state)
  addEntries(state, [entryAt('one', 1), entryAt('two', 2)])
  expect(state.pending.get('k')?.map(({ entry, afterRound }) => [entry.id, afterRound])).toEqual([
    ['one', 7],
    ['two', 6],
  ])
})

test('the example webhooks keeps the ids of the last five minutes, however many they are', () => {
  const state = newState()
  addEntries(state, [entryAt('old', 1), entryAt('kept', 2)])
  for (let i = 0; i < 150_000; i++) state.seen.set(`e${i}`, 300_002)
  endRound(state)
  expect([state.seen.size, state.seen.has('old'), state.seen.has('kept')]).toEqual([
    150_001,
    false,
    true,
  ])
})
