import type { TwinkeyEvent } from 'twinkey'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { codeOf } from '../support/sent.ts'
import { wrongNames } from './forge-claims.ts'
import { createScene, type Scene } from './forge-scene.ts'
import { issued } from './forge-token.ts'

describe('the names and ids in a token', () => {
  let scene: Scene
  beforeAll(async () => {
    scene = await createScene('ES256')
  })
  afterAll(() => scene.close())

  it('are refused where they could not be one, before anybody looks for them: by tokens.verify', async () => {
    const { twinkey, events, spy, forging } = scene
    const { get } = spy.calls
    const found: string[] = []
    for (const { name, text, reason } of wrongNames(forging)) {
      events.length = 0
      const code = codeOf(await twinkey.tokens.verify(text))
      if (reasonOf(events) !== reason || code !== 'credential_invalid') found.push(`${name}: ${reasonOf(events)}`)
    }
    expect(found).toEqual([])
    expect(spy.calls.get).toBe(get)
  })

  it('and by a verifier, which would hand them to a handler', async () => {
    const { verifier, verifierEvents, forging } = scene
    const found: string[] = []
    for (const { name, text, reason } of wrongNames(forging)) {
      verifierEvents.length = 0
      const code = codeOf(await verifier.verify(text))
      if (reasonOf(verifierEvents) !== reason || code !== 'credential_invalid') found.push(`${name}: ${reasonOf(verifierEvents)}`)
    }
    expect(found).toEqual([])
  })

  it('may be all that names may be where a key has them', async () => {
    const { twinkey, verifier } = scene
    for (const owner of ['o'.repeat(128), '\u{1f511} "Ada" \\ <b>', "' OR '1'='1", '*', '\u0434\u0430']) {
      const scope = { tenants: ['\u{1f511} "x"\\'], workflows: ['a b', '%', 'w'.repeat(128)] }
      const { primary } = await twinkey.keys.create({ name: 'n', owner, scope })
      const token = await issued(twinkey, primary)
      expect(await twinkey.tokens.verify(token)).toMatchObject({ ok: true, key: { owner } })
      expect(await verifier.verify(token)).toMatchObject({ ok: true, principal: { owner, scope } })
    }
  })
})

function reasonOf([event]: readonly TwinkeyEvent[]): string | undefined {
  return event?.type === 'access.refused' ? event.reason : event?.type
}
