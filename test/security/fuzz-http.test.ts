import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Host, hosts } from '../http/hosts.ts'
import { rounds } from '../support/rounds.ts'
import { applicationOf, fuzzHost, httpTarget, sendBytes } from './fuzz-http.ts'
import { pathsOf } from './fuzz-http-bytes.ts'
import { fuzz } from './fuzz-run.ts'
import { createFuzzScene } from './fuzz-scene.ts'

const INPUTS = rounds(3200)
const seed = Math.floor(Math.random() * 2 ** 31)
const scene = await createFuzzScene()
const [secret] = [...scene.live.keys()].filter((credential) => scene.secrets.includes(credential))

describe.each(Object.entries(hosts).filter(([name]) => name !== 'Express 4'))(
  'of all that is sent on a connection, %s',
  (name, start) => {
    const rejections: unknown[] = []
    const listen = (reason: unknown) => rejections.push(reason)
    let host: Host
    beforeAll(async () => {
      process.on('unhandledRejection', listen)
      host = await start(scene.twinkey, applicationOf(scene))
    })
    afterAll(async () => {
      process.off('unhandledRejection', listen)
      await host.close()
    })

    it('accepts nothing that it should not, never breaks, and repeats no credential', async () => {
      const { wrong, inputs, taken, refused } = await fuzzHost(scene, name, host, seed, INPUTS)
      expect(wrong).toEqual([])
      expect(inputs).toBe(INPUTS)
      expect(Math.min(taken, refused)).toBeGreaterThan(INPUTS / 100)
      expect(rejections).toEqual([])
      const good = `GET ${pathsOf({ name: 'standard' }).guarded} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${secret}\r\n\r\n`
      expect(await sendBytes(host.port, good)).toMatch(/^HTTP\/1\.1 200 /)
    })
  },
)

describe('the fuzzer of connections finds a host that', () => {
  it.each<[string, (bytes: string) => string]>([
    ['answers with a fault', () => 'HTTP/1.1 500 Internal Server Error\r\n\r\n'],
    [
      'answers with a fault behind a text',
      () => 'HTTP/1.1 404 Not Found\r\n\r\nNot FoundHTTP/1.1 500 Internal Server Error\r\n\r\n',
    ],
    ['lets everybody in', () => 'HTTP/1.1 401 Unauthorized\r\n\r\n{}HTTP/1.1 200 OK\r\n\r\n{}'],
    ['repeats what was sent', (bytes) => `HTTP/1.1 401 Unauthorized\r\n\r\n${bytes}`],
    ['answers something else', () => 'SSH-2.0-OpenSSH'],
  ])('%s', async (_what, answer) => {
    const { wrong } = await fuzz(
      httpTarget(scene, 'broken', async (bytes) => answer(bytes)),
      { seed, from: 0, count: 200 },
    )
    expect(wrong[0]).toContain(`seed ${seed}, index `)
  })
})
