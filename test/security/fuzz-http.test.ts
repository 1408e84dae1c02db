import { createTwinkey } from 'twinkey'
import * as profiles from 'twinkey/profiles'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Host, hosts } from '../http/hosts.ts'
import { fuzzApplication, httpTarget, sendBytes } from './fuzz-http.ts'
import { fuzz } from './fuzz-run.ts'
import { createFuzzScene } from './fuzz-scene.ts'

const REQUESTS = 4000
const AT_ONCE = 8
const seed = Math.floor(Math.random() * 2 ** 31)
const scene = await createFuzzScene({ createTwinkey, profiles })
// Express 4 has the adapter of Express 5.
const each = Object.entries(hosts).filter(([name]) => name !== 'Express 4')

describe.each(each)('mutated requests to %s', (name, start) => {
  let host: Host
  const rejections: unknown[] = []
  const note = (reason: unknown) => rejections.push(reason)

  beforeAll(async () => {
    process.on('unhandledRejection', note)
    host = await start(scene.twinkey, fuzzApplication(scene))
  })
  afterAll(async () => {
    process.off('unhandledRejection', note)
    await host?.close()
  })

  it('are never answered with 5xx, let nobody in who sent nothing that is live, and harm nobody who comes after', async () => {
    const count = REQUESTS / AT_ONCE
    const runs = Array.from({ length: AT_ONCE }, (_, run) => fuzz(httpTarget(name, host.port, scene), { seed, from: run * count, count }))
    const results = await Promise.all(runs)
    expect(results.flatMap(({ wrong }) => wrong)).toEqual([])
    const taken = results.reduce((sum, result) => sum + result.taken, 0)
    expect(taken).toBeGreaterThan(REQUESTS / 100)
    expect(taken).toBeLessThan(REQUESTS / 2)
    const [good] = scene.live.keys()
    const next = await sendBytes(host.port, Buffer.from(`GET /standard HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${good}\r\n\r\n`))
    expect(next).toMatch(/^HTTP\/1\.1 200 /)
    expect(rejections).toEqual([])
  })

  it.each([
    ['answers 500', 'HTTP/1.1 500 Internal Server Error\r\n\r\n', undefined],
    ['lets everybody in', 'HTTP/1.1 200 OK\r\n\r\n{}', undefined],
    ['repeats the request', 'HTTP/1.1 401 Unauthorized\r\nCache-Control: no-store\r\n\r\n', 'the request'],
  ])('a server that %s is found', async (_what, head, echoed) => {
    const broken: typeof sendBytes = async (_port, bytes) => head + (echoed === undefined ? '' : Buffer.from(bytes).toString('latin1'))
    const { wrong } = await fuzz(httpTarget(name, host.port, scene, broken), { seed, from: 0, count: 1000 })
    expect(wrong.length).toBeGreaterThan(0)
  })
})
