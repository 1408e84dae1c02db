import { expect, it } from 'vitest'
import { isRefusal, REFUSALS } from '../../src/core/model/refusal.ts'
import { fromScopeString } from '../../src/core/model/scope.ts'
import { hasValidChecksum, isWellFormed, keyIdOf } from '../../src/core/secrets/secret.ts'
import { readBody } from '../../src/http/body.ts'
import type { Profile } from '../../src/http/profile.ts'
import { readHeader, readQuery, redactUrl, withoutQuery } from '../../src/http/request.ts'
import { rounds } from '../support/rounds.ts'
import { verifyToken } from '../support/verify-token.ts'
import { bodyTarget } from './fuzz-bodies.ts'
import { credentialTarget, headerTarget } from './fuzz-fields.ts'
import { queryTarget } from './fuzz-queries.ts'
import { createRandom } from './fuzz-random.ts'
import { authenticateTarget, exchangeTarget, verifyTarget } from './fuzz-requests.ts'
import { fuzz, type Target } from './fuzz-run.ts'
import { createFuzzScene } from './fuzz-scene.ts'
import { scopeTarget } from './fuzz-scopes.ts'
import { secretTarget } from './fuzz-secrets.ts'
import { fuzzTargets } from './fuzz-targets.ts'
import { tokenTarget } from './fuzz-tokens.ts'

// `npm run figure -- fuzz` gives each parser 10,000,000 inputs. Each run has another seed, which a
// failure prints.
const INPUTS = rounds(10_000)
// A broken parser may get more, and stops the fuzzer long before their end.
const MOST_INPUTS = 50_000
const seed = Math.floor(Math.random() * 2 ** 31)
const scene = await createFuzzScene()

it.each(fuzzTargets(scene))(
  '$name accepts nothing that it should not, and throws at no input',
  async (target) => {
    const { wrong, inputs, taken, refused } = await fuzz(target, { seed, from: 0, count: INPUTS })
    expect(wrong).toEqual([])
    expect(inputs).toBe(INPUTS)
    // Some inputs are accepted and some are not: they are near enough to valid ones, and far
    // enough.
    expect(Math.min(taken, refused)).toBeGreaterThan(INPUTS / 1000)
  },
)

it('an input is recreated from the seed and its index', () => {
  for (const target of fuzzTargets(scene).slice(0, 12)) {
    const made = [1, 2, 1].map((index) => target.make(createRandom(7, index)) as unknown)
    expect(made[2]).toEqual(made[0])
  }
})

const { twinkey } = scene
const [standard, , , flowgear] = scene.profiles as [Profile, Profile, Profile, Profile]
const secretParser = { keyIdOf, isWellFormed, hasValidChecksum }
const queryParser = { readQuery, withoutQuery, redactUrl }
const tolerant = (text: string) => text.trim().replace(/,$/, '')

const broken: Record<string, Target> = {
  'a secret without its checksum': secretTarget(scene, {
    ...secretParser,
    isWellFormed: (text) => /^[0-9A-Za-z]{65}$/.test(text.slice(-65)),
  }),
  'a secret with something behind it': secretTarget(scene, {
    ...secretParser,
    keyIdOf: (text, prefixes) => keyIdOf(tolerant(text), prefixes),
  }),
  'an id that is found by the first underscore': secretTarget(scene, {
    ...secretParser,
    keyIdOf: (text, prefixes) => keyIdOf(text, prefixes) && text.split('_')[1]?.slice(0, 16),
  }),
  'a token with a blank around it': tokenTarget(scene, (text, ...rest) =>
    verifyToken(tolerant(text), ...rest),
  ),
  'a token whose signature nobody looks at': tokenTarget(scene, async (text, rules, now) => {
    const good = scene.tokens.find((each) => each.split('.')[1] === text.split('.')[1])
    return verifyToken(good ?? text, rules, now)
  }),
  'a header that is trimmed': headerTarget((request, of) =>
    readHeader({ ...request, header: (name) => request.header(name)?.trim() }, of),
  ),
  'a query that is decoded by hand': queryTarget(scene, {
    ...queryParser,
    readQuery: (url, name) => url.split(`${name}=`)[1],
  }),
  'a log that redacts one spelling': queryTarget(scene, {
    ...queryParser,
    redactUrl: (url) => url.replace(/([?&]auth-key=)[^&#\s]*/g, '$1[redacted]'),
  }),
  'a URL that is hidden up to a blank': queryTarget(scene, {
    ...queryParser,
    withoutQuery: (url, names) => url.replace(/^\S*/, (head) => withoutQuery(head, names)),
  }),
  'a scope in which a star is a name': scopeTarget((text) => {
    const asked = fromScopeString(text)
    return asked?.tenants === '*' ? { ...asked, tenants: ['*'] } : asked
  }),
  'a body that is empty where it cannot be read': bodyTarget((source) => {
    const read = readBody(source)
    return isRefusal(read) ? undefined : read
  }),
  'a body whose JSON throws': bodyTarget((source) =>
    'bytes' in source ? JSON.parse(Buffer.from(source.bytes).toString()) : undefined,
  ),
  'a field whose first word is believed': credentialTarget(scene, {
    ...standard,
    credential: (request) => {
      const text = request.header('authorization')?.split(/[ ,]+/)[1]
      return text === undefined
        ? REFUSALS.credentialMissing
        : { text, kinds: 'either', inAuthorizationHeader: true }
    },
  }),
  'a refusal that repeats what was sent': credentialTarget(scene, {
    ...standard,
    credential: (request) => {
      const read = standard.credential(request)
      return isRefusal(read)
        ? Object.create(read, { detail: { value: request.url, enumerable: true } })
        : read
    },
  }),
  'a decision by the case of nothing': verifyTarget(scene, {
    ...twinkey,
    keys: {
      ...twinkey.keys,
      verify: (text) =>
        twinkey.keys.verify(
          scene.secrets.find((each) => each.toLowerCase() === text.toLowerCase()) ?? text,
        ),
    },
  }),
  'a decision that is right but about another key': authenticateTarget(scene, flowgear, {
    async authenticate(request, requirement) {
      const decision = await twinkey.authenticate(request, requirement)
      return decision.ok && decision.principal !== undefined
        ? { ...decision, principal: { ...decision.principal, keyId: 'another' } }
        : decision
    },
    decide: twinkey.decide,
  }),
  'an exchange that reads no body': exchangeTarget(
    scene,
    { ...standard, tokenRequest: () => ({ scope: {}, lifetimeSeconds: 0 }) },
    twinkey,
  ),
}

it.each(Object.entries(broken))('%s is found', async (_what, target) => {
  const { wrong } = await fuzz(target, { seed, from: 0, count: MOST_INPUTS })
  expect(wrong.length).toBeGreaterThan(0)
  expect(wrong[0]).toContain(`seed ${seed}, index `)
})
