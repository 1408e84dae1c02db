import type { SigningAlgorithm } from 'twinkey'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hosts } from '../http/hosts.ts'
import { createScene, type Scene, WORKFLOW } from './forge-scene.ts'
import type { HostileToken } from './forge-token.ts'
import { forgeAll } from './forge-tokens.ts'
import { type Answered, sendAll } from './forge-wire.ts'

const TOKEN68 = /^[A-Za-z0-9._~+/-]+=*$/
// Express 4 has the adapter of Express 5.
const each = Object.entries(hosts).filter(([name]) => name !== 'Express 4')

/** Hostile tokens of some algorithms on each host, one after another on one connection. */
export function describeHostileTokens(algorithms: readonly SigningAlgorithm[]): void {
  describe.each(algorithms)('hostile tokens of %s over sockets', (algorithm) => {
    let scene: Scene
    let hostile: readonly HostileToken[]

    beforeAll(async () => {
      scene = await createScene(algorithm)
      const all = Object.values(await forgeAll(scene.forging)).flat()
      // HTTP itself removes spaces after the scheme, space at the end of a line, and the end of the
      // line.
      hostile = all.filter(
        ({ text }) => text.replace(/\r\n$/, '').replace(/^ +|[ \t]+$/g, '') !== scene.forging.token,
      )
      expect(all.length - hostile.length).toBe(4)
      expect(hostile.length).toBeGreaterThanOrEqual(200)
    })
    afterAll(() => scene.close())

    it.each(each)(
      'are refused on %s, and the next caller on the same connection is accepted',
      async (_name, start) => {
        const { twinkey, forging } = scene
        const routes = [
          { method: 'GET', path: '/guarded', requirement: { workflow: WORKFLOW } },
        ] as const
        const host = await start(twinkey, { routes, tokens: {} })
        try {
          const answered = await sendAll(host.port, '/guarded', hostile, forging.token)
          expect(answered.map(({ token }) => token)).toEqual(hostile)
          const surprising = answered.filter(
            (answer) => said(answer) !== expected(answer.token.text),
          )
          expect(
            surprising.map(
              (answer) =>
                `${answer.token.name}: ${said(answer)} instead of ${expected(answer.token.text)}`,
            ),
          ).toEqual([])
        } finally {
          await host.close()
        }
      },
    )
  })
}

function said({ status, next }: Answered): string {
  return `${status ?? 'no answer'}, then ${next ?? 'closed'}`
}

function expected(text: string): string {
  // Node's own answers: to more than 16 KiB of headers, and to forbidden characters.
  if (text.length > 16_384) return '431, then closed'
  if (/[\0\r\n]/.test(text)) return '400, then closed'
  return TOKEN68.test(text) ? '401, then 200' : '400, then 200'
}
