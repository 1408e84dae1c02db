import type { SigningAlgorithm } from 'twinkey'
import { oauthEndpoints } from 'twinkey/oauth'
import { mount } from 'twinkey/web'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { goodTokens, greedyTokens } from '../../security/forge-controls.ts'
import { createScene, type Scene } from '../../security/forge-scene.ts'
import { forgeAll } from '../../security/forge-tokens.ts'
import { ISSUER } from '../../support/bench.ts'
import { sent } from '../../support/sent.ts'

/** Hostile tokens of some algorithms at the introspection endpoint. */
export function describeIntrospection(algorithms: readonly SigningAlgorithm[]): void {
  describe.each(algorithms)('introspection of hostile tokens of %s', (algorithm) => {
    let scene: Scene
    let introspect: (token: string) => Promise<string>

    beforeAll(async () => {
      scene = await createScene(algorithm)
      const scope = { tenants: ['t'], workflows: ['*'] }
      const { key, primary } = await scene.twinkey.keys.create({
        name: 'resource server',
        scope: { ...scope, workflows: ['introspect'] },
      })
      const handle = mount(
        oauthEndpoints(scene.twinkey, {
          url: `${ISSUER}/oauth`,
          introspect: ({ keyId }) => (keyId === key.id ? scene.twinkey.audiences : undefined),
        }),
        '/oauth',
      )
      introspect = async (token) => {
        const answer = await handle(
          new Request(`${ISSUER}/oauth/introspect`, {
            method: 'POST',
            headers: { authorization: `Bearer ${primary}` },
            body: new URLSearchParams({ token }),
          }),
        )
        return `${answer?.status} ${await answer?.text()}`
      }
    })
    afterAll(() => scene.close())

    const isLetIn = async (credential: string) =>
      (await scene.twinkey.authenticate(sent({ credential }), { anyTarget: true })).ok

    it('decides as a guard does, with the same bytes for every token that is not active', async () => {
      // In a header, a scheme is followed by one space or more.
      const isSpaced = ({ text }: { text: string }) => text === ` ${scene.forging.token}`
      const hostile = Object.values(await forgeAll(scene.forging))
        .flat()
        .filter((each) => !isSpaced(each))
      const good = { ...goodTokens(scene.forging), ...greedyTokens(scene.forging) }
      expect(hostile.length).toBeGreaterThan(200)
      const differing: string[] = []
      let live = 0
      for (const [name, text] of [
        ...hostile.map((each) => [each.name, each.text] as const),
        ...Object.entries(good),
      ]) {
        const answer = await introspect(text)
        const isActive = answer.startsWith('200 {"active":true,')
        if (isActive) live++
        if (!isActive && answer !== '200 {"active":false}' && !UNREAD.includes(answer))
          differing.push(`${name}: ${answer}`)
        if (isActive !== (await isLetIn(text))) differing.push(`${name}: ${answer}`)
      }
      expect(differing).toEqual([])
      expect(live).toBe(Object.keys(good).length)
    })
  })
}

// An empty parameter, which counts as absent, and bodies that are too large.
const UNREAD = [
  '400 {"error":"invalid_request","error_description":"Send the token as token=..."}',
  '400 {"error":"invalid_request","error_description":"The body must be a form of at most 64 KiB, without spaces and repeated parameters."}',
]
