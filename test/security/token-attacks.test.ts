import { readFileSync } from 'node:fs'
import type { Decision } from 'twinkey'
import { afterAll, beforeAll, describe, expect, it, type MockInstance, vi } from 'vitest'
import { sha256 } from '#hash'
import { CheckedRequirement } from '../../src/guard/requirement.ts'
import { codeOf, sent } from '../support/sent.ts'
import { goodTokens, greedyTokens, reachlessTokens } from './forge-controls.ts'
import { ALGORITHMS, createScene, type Scene, WORKFLOW } from './forge-scene.ts'
import { everyPlace } from './forge-spellings.ts'
import { type HostileToken, sealed } from './forge-token.ts'
import { forgeAll } from './forge-tokens.ts'

// Facts that the public keys cannot show: such a token stays valid for a verifier until it expires.
const UNKNOWABLE = [
  'of a key after disable',
  'of a key after disable, signed again',
  'of a key after revoke',
  'of a key after revoke, signed again',
  'of a key after delete',
  'of a key after delete, signed again',
  'of a secret that was regenerated',
  'of a secret that was regenerated, signed again',
  'of a secret that was rotated without a grace',
  'of a secret that was rotated without a grace, signed again',
  'of a secret whose grace is over',
  'of a secret whose grace is over, signed again',
  'of a key that has expired, signed again',
  'of a key that never was',
  'of a key that objects inherit',
  'of a key named __proto__',
  'of an alias',
  'of a secret that never was',
  'of a secret that objects inherit',
  'of a secret called primary',
  'of the secret of another key',
  'of another key, and the secret of this one',
]

// Counted, to check that nothing too long is hashed.
vi.mock('#hash', async (load) => {
  const real = await load<typeof import('#hash')>()
  return { ...real, sha256: vi.fn(real.sha256) }
})

const TOKEN68 = /^[A-Za-z0-9._~+/-]+=*$/

describe.each(ALGORITHMS)('hostile tokens of %s', (algorithm) => {
  let scene: Scene
  let kinds: Readonly<Record<string, readonly HostileToken[]>>
  let all: readonly HostileToken[]
  let fetched: MockInstance<typeof fetch>

  beforeAll(async () => {
    fetched = vi.spyOn(globalThis, 'fetch')
    scene = await createScene(algorithm)
    kinds = await forgeAll(scene.forging)
    all = Object.values(kinds).flat()
    // Cached from here on: no look-alike may be taken for it.
    expect([await verify(scene.forging.token), await verifyAlone(scene.forging.token)]).toEqual([
      'let in',
      'let in',
    ])
  })
  afterAll(async () => {
    fetched.mockRestore()
    await scene.close()
  })

  const verify = async (text: string) => codeOf(await scene.twinkey.tokens.verify(text))
  const verifyAlone = async (text: string) => codeOf(await scene.verifier.verify(text))
  const authenticate = async (credential: string) =>
    codeOf(await scene.twinkey.authenticate(sent({ credential }), { workflow: WORKFLOW }))

  /** The tokens with another result than expected, with both. */
  async function surprises(
    tokens: readonly HostileToken[],
    said: (token: HostileToken) => Promise<string>,
    expected: (token: HostileToken) => string,
  ): Promise<string[]> {
    const found: string[] = []
    for (const token of tokens) {
      const [is, should] = [await said(token), expected(token)]
      if (is !== should) found.push(`${token.name}: ${is} instead of ${should}`)
    }
    return found
  }

  async function verdicts(
    tokens: Readonly<Record<string, string>>,
    verdict: (text: string) => Promise<string>,
  ): Promise<object> {
    const found = new Map<string, string>()
    for (const [name, text] of Object.entries(tokens)) found.set(name, await verdict(text))
    return Object.fromEntries(found)
  }

  const each = (tokens: object, verdict: string) =>
    Object.fromEntries(Object.keys(tokens).map((name) => [name, verdict]))

  it('are at least 200, all different, and docs/security.md gives their number', () => {
    expect(all.length).toBeGreaterThanOrEqual(200)
    expect(new Set(all.map(({ text }) => text)).size).toBe(all.length)
    expect(Object.entries(kinds).filter(([, tokens]) => tokens.length < 5)).toEqual([])
    const told = [
      `${algorithm} ${all.length.toLocaleString('en')}`,
      `${all.filter(({ dead }) => dead).length} are in order`,
    ]
    expect(told.filter((each) => !readFileSync('docs/security.md', 'utf8').includes(each))).toEqual(
      [],
    )
  })

  it('differ from tokens that are accepted', async () => {
    const good = { ...goodTokens(scene.forging), ...greedyTokens(scene.forging) }
    expect(await verdicts(good, verify)).toEqual(each(good, 'let in'))
    expect(await verdicts(good, authenticate)).toEqual(each(good, 'let in'))
    expect(await verdicts(good, verifyAlone)).toEqual(each(good, 'let in'))
  })

  it('are refused by tokens.verify, each for its own reason, and only keys named under a good signature are looked up', async () => {
    const { events, spy } = scene
    const said = async ({ text }: HostileToken) => {
      events.length = 0
      const before = spy.calls.get
      const code = await verify(text)
      return [
        code,
        ...events.map((event) => (event.type === 'access.refused' ? event.reason : event.type)),
        spy.calls.get - before > 0,
      ].join()
    }
    expect(
      await surprises(
        all.filter(({ dead }) => !dead),
        said,
        ({ reason }) => `credential_invalid,${reason},false`,
      ),
    ).toEqual([])
    const dead = all.filter(({ dead }) => dead)
    expect(
      await surprises(
        dead,
        async (token) => (await said(token)).replace(/,\w+$/, ''),
        ({ reason }) => `credential_invalid,${reason}`,
      ),
    ).toEqual([])
  })

  it('are refused by authenticate, as malformed if they are not token68', async () => {
    // A scheme is followed by one space or more.
    const others = all.filter(({ text }) => text !== ` ${scene.forging.token}`)
    expect(others.length).toBe(all.length - 1)
    const kind = async ({ text }: HostileToken) => {
      const code = await authenticate(text)
      const form =
        ['credential_malformed', 'credential_ambiguous'].includes(code) && !TOKEN68.test(text)
      return form ? 'credential_invalid' : code
    }
    expect(await surprises(others, kind, () => 'credential_invalid')).toEqual([])
  })

  it('are refused by a verifier that has only the public keys, except for keys and secrets that have ended since', async () => {
    const said = async ({ text }: HostileToken) => {
      scene.verifierEvents.length = 0
      const code = await verifyAlone(text)
      return [
        code,
        ...scene.verifierEvents.map((event) =>
          event.type === 'access.refused' ? event.reason : event.type,
        ),
      ].join()
    }
    const expected = ({ text, reason, dead }: HostileToken) => {
      if (dead) return 'let in,access.allowed'
      // A credential that does not begin like a token might be an API key, which a verifier does
      // not accept.
      return `credential_invalid,${text.startsWith('eyJ') && text.includes('.') ? reason : 'kind_not_accepted'}`
    }
    expect(await surprises(all, said, expected)).toEqual([])
    expect(all.filter(({ dead }) => dead).map(({ name }) => name)).toEqual(UNKNOWABLE)
  })

  it('reach nothing if they are valid and name something else', async () => {
    const tokens = reachlessTokens(scene.forging)
    const denied = Object.fromEntries(
      Object.keys(tokens).map((name) => [
        name,
        `${name.startsWith('tenants') ? 'tenant' : 'workflow'}_denied`,
      ]),
    )
    const requirement = new CheckedRequirement({ workflow: WORKFLOW, tenant: 't' })
    for (const decider of [scene.twinkey, scene.verifier]) {
      const verdict = async (credential: string) =>
        codeOf((await decider.authenticate(sent({ credential }), requirement)) as Decision)
      expect(await verdicts(tokens, verdict)).toEqual(denied)
    }
  })

  it('never reach more than their key if they claim more', async () => {
    for (const text of Object.values(greedyTokens(scene.forging))) {
      expect(await scene.twinkey.tokens.verify(text)).toMatchObject({
        scope: { tenants: ['t'], environments: '*', workflows: [WORKFLOW] },
      })
    }
  })

  it('may be the good one with any one character changed, left out, or with a space, a line break or padding anywhere', async () => {
    const let_in: string[] = []
    let tried = 0
    for (const text of everyPlace(scene.forging.token)) {
      tried++
      for (const verdict of [await verify(text), await verifyAlone(text)])
        if (verdict !== 'credential_invalid') let_in.push(text)
    }
    expect(let_in).toEqual([])
    expect(tried).toBe(scene.forging.token.length * 5 + 3)
  })

  it('cost nothing if they are too long: nothing is hashed, decoded, parsed or verified', async () => {
    const spies = [
      vi.spyOn(JSON, 'parse'),
      vi.spyOn(JSON, 'stringify'),
      vi.spyOn(TextDecoder.prototype, 'decode'),
      vi.spyOn(crypto.subtle, 'verify'),
    ]
    const calls = () => [...spies, vi.mocked(sha256)].map(({ mock }) => mock.calls.length)
    const before = calls()
    for (const { text } of kinds['too much'] ?? []) {
      expect([await verify(text), await authenticate(text), await verifyAlone(text)]).toEqual(
        Array(3).fill('credential_invalid'),
      )
    }
    const after = calls()
    // The spies do count.
    await verify(sealed(scene.forging, { payload: { ...scene.forging.claims, jti: 'another' } }))
    const control = calls()
    for (const spy of spies) spy.mockRestore()
    expect(after).toEqual(before)
    expect(control.every((count, i) => count > (after[i] ?? 0))).toBe(true)
  })

  it('caused no outgoing request, and left everything working', async () => {
    expect(scene.lured()).toBe(0)
    expect(fetched).not.toHaveBeenCalled()
    // The attacker's server works, and both would have reached it.
    await fetch(scene.forging.lure)
    expect([scene.lured(), fetched.mock.calls.length]).toEqual([1, 1])
    expect([await verify(scene.forging.token), await authenticate(scene.forging.token)]).toEqual([
      'let in',
      'let in',
    ])
    expect(await verifyAlone(scene.forging.token)).toBe('let in')
  })
})
