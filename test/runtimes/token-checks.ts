import {
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  type JWK,
  jwtVerify,
  SignJWT,
} from 'jose'
import {
  createTwinkey,
  generateSigningKey,
  type SigningAlgorithm,
  type Twinkey,
  type TwinkeyOptions,
} from 'twinkey'
import { AUDIENCE, createBench, ISSUER } from '../support/bench.ts'
import { anyTarget, byHeaders, codeOf, sent, verdict } from '../support/sent.ts'
import thumbprints from '../vectors/thumbprints.json' with { type: 'json' }
import { type Check, errorCodeOf, holds, same, thrownBy } from './check.ts'

const scope = { tenants: ['t1', 't2'], workflows: ['a', 'b'] }
const HOUR = 3_600_000
const INVALID = 'credential_invalid'
const LET_IN = 'let in'

async function tokenFor(
  options: TwinkeyOptions = {},
  request: Parameters<Twinkey['tokens']['issue']>[1] = {},
) {
  const bench = createBench(options)
  const { key, primary, secondary } = await bench.twinkey.keys.create({
    name: 'one',
    owner: 'ada',
    scope,
  })
  return {
    ...bench,
    keys: bench.twinkey.keys,
    id: key.id,
    primary,
    secondary: secondary ?? '',
    token: await issue(bench.twinkey, primary, request),
  }
}

async function issue(
  twinkey: Twinkey,
  secret: string,
  request: Parameters<Twinkey['tokens']['issue']>[1] = {},
): Promise<string> {
  const issued = await twinkey.tokens.issue(secret, request)
  if (!issued.ok) throw new Error(issued.refusal.code)
  return issued.token
}

const signedWith = (...signingKeys: JWK[]): TwinkeyOptions => ({
  tokens: { issuer: ISSUER, audience: AUDIENCE, signingKeys },
})

const PUBLIC_MEMBERS: Readonly<Record<SigningAlgorithm, string>> = {
  ES256: 'alg crv kid kty use x y',
  EdDSA: 'alg crv kid kty use x',
  RS256: 'alg e kid kty n use',
  PS256: 'alg e kid kty n use',
}

function checksOf(algorithm: SigningAlgorithm): Check[] {
  let made: Promise<JWK> | undefined
  const signingKey = () => {
    made ??= generateSigningKey(algorithm)
    return made
  }
  return [
    {
      name: `${algorithm}: a token is issued and verifies, and says what it is`,
      async run() {
        const { twinkey, token, id, clock } = await tokenFor(signedWith(await signingKey()))
        same(codeOf(await twinkey.tokens.verify(token)), LET_IN)
        const { kid, ...header } = decodeProtectedHeader(token)
        same(header, { alg: algorithm, typ: 'at+jwt' })
        same(typeof kid, 'string')
        const { iss, aud, sub, client_id, iat, exp, tenants, environments, workflows } =
          decodeJwt(token)
        const at = clock.now() / 1000
        same(
          { iss, aud, sub, client_id, iat, exp },
          { iss: ISSUER, aud: AUDIENCE, sub: 'ada', client_id: id, iat: at, exp: at + 3600 },
        )
        same(
          { tenants, environments, workflows },
          { tenants: ['t1', 't2'], environments: '*', workflows: ['a', 'b'] },
        )
      },
    },
    {
      name: `${algorithm}: a token that was changed is refused, in every part`,
      async run() {
        const { twinkey, token } = await tokenFor(signedWith(await signingKey()))
        const ends = [token.indexOf('.') - 2, token.lastIndexOf('.') - 2, token.length - 20]
        for (const at of ends) {
          const changed = `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`
          same(await verdict(twinkey, changed), INVALID, `a token changed at ${at}`)
        }
      },
    },
    {
      name: `${algorithm}: the published key is public, and verifies for whoever has only that`,
      async run() {
        const { twinkey, token, clock } = await tokenFor(signedWith(await signingKey()))
        const { keys } = await twinkey.tokens.jwks()
        same(
          keys.map((key) => Object.keys(key).sort().join(' ')),
          [PUBLIC_MEMBERS[algorithm]],
        )
        const options = {
          issuer: ISSUER,
          audience: AUDIENCE,
          typ: 'at+jwt',
          currentDate: new Date(clock.now()),
        }
        const { payload } = await jwtVerify(token, createLocalJWKSet({ keys }), options)
        same(payload.sub, 'ada')
      },
    },
  ]
}

const lifeChecks: readonly Check[] = [
  {
    name: 'a token is active to the last millisecond of its hour, and no longer',
    async run() {
      const { twinkey, clock, token } = await tokenFor()
      clock.advance(HOUR - 1)
      same(await verdict(twinkey, token), LET_IN)
      clock.advance(1)
      same(await verdict(twinkey, token), INVALID)
    },
  },
  {
    name: 'a token from a clock that is ahead is accepted within the tolerance',
    async run() {
      const { twinkey, clock, token } = await tokenFor()
      clock.advance(-30_000)
      same(await verdict(twinkey, token), LET_IN)
      clock.advance(-1000)
      same(await verdict(twinkey, token), INVALID)
    },
  },
  {
    name: 'a token may be shorter than an hour',
    async run() {
      const { twinkey, clock, token } = await tokenFor({}, { lifetimeSeconds: 60 })
      clock.advance(59_999)
      same(await verdict(twinkey, token), LET_IN)
      clock.advance(1)
      same(await verdict(twinkey, token), INVALID)
    },
  },
  {
    name: 'a token ends with its key, and comes back with it',
    async run() {
      const { twinkey, keys, id, token } = await tokenFor()
      same(await verdict(twinkey, token), LET_IN)
      await keys.disable(id)
      same(await verdict(twinkey, token), INVALID)
      await keys.enable(id)
      same(await verdict(twinkey, token), LET_IN)
      await keys.revoke(id)
      same(await verdict(twinkey, token), INVALID)
    },
  },
  {
    name: 'a token ends with the secret that it was issued for',
    async run() {
      const { twinkey, keys, id, token, secondary } = await tokenFor()
      const other = await issue(twinkey, secondary)
      await keys.renew(id, { slots: 'primary' })
      same([await verdict(twinkey, token), await verdict(twinkey, other)], [INVALID, LET_IN])
    },
  },
  {
    name: 'a token cannot be exchanged for a token',
    async run() {
      const { twinkey, token } = await tokenFor()
      same(codeOf(await twinkey.tokens.issue(token)), INVALID)
    },
  },
]

const scopeChecks: readonly Check[] = [
  {
    name: 'a narrower token reaches the requested scope, and no more',
    async run() {
      const { twinkey, token } = await tokenFor(
        {},
        { scope: { tenants: ['t1'], workflows: ['a'] } },
      )
      const ask = async (tenant: string, workflow: string) =>
        codeOf(
          await twinkey.authenticate(
            sent({ credential: token, tenant, workflow, environment: 'e' }),
            byHeaders,
          ),
        )
      same(
        [await ask('t1', 'a'), await ask('t2', 'a'), await ask('t1', 'b')],
        [LET_IN, 'tenant_denied', 'workflow_denied'],
      )
    },
  },
  {
    name: 'a token is never wider than its key',
    async run() {
      const { twinkey, primary } = await tokenFor()
      same(
        codeOf(await twinkey.tokens.issue(primary, { scope: { tenants: ['t3'] } })),
        'tenant_denied',
      )
      same(
        codeOf(await twinkey.tokens.issue(primary, { scope: { workflows: '*' } })),
        'workflow_denied',
      )
    },
  },
  {
    name: 'an active token shrinks with its key',
    async run() {
      const { twinkey, keys, id, token } = await tokenFor()
      await keys.update(id, { scope: { tenants: ['t2'] } })
      const ask = async (tenant: string) =>
        codeOf(
          await twinkey.authenticate(
            sent({ credential: token, tenant, workflow: 'a', environment: 'e' }),
            byHeaders,
          ),
        )
      same([await ask('t1'), await ask('t2')], ['tenant_denied', LET_IN])
    },
  },
  {
    name: 'a scope that does not fit into a token is refused',
    async run() {
      const { twinkey } = createBench()
      const tenants = Array.from({ length: 64 }, (_, i) => `${i}`.padEnd(100, 'x'))
      const { primary } = await twinkey.keys.create({
        name: 'wide',
        scope: { tenants, workflows: '*' },
      })
      same(codeOf(await twinkey.tokens.issue(primary)), 'scope_too_large')
    },
  },
]

const trustChecks: readonly Check[] = [
  {
    name: 'the signing key is rolled over without a failed call',
    async run() {
      const [old, next] = [await generateSigningKey(), await generateSigningKey('EdDSA')]
      const { another, token, primary } = await tokenFor(signedWith(old))
      const promoted = another(signedWith(next, old))
      same(await verdict(promoted, token), LET_IN)
      same(await verdict(another(signedWith(old, next)), await issue(promoted, primary)), LET_IN)
      same(await verdict(another(signedWith(next)), token), INVALID)
    },
  },
  {
    name: 'a token of another issuer, for another audience or of another key is refused',
    async run() {
      const signingKey = await generateSigningKey()
      const { another, token } = await tokenFor(signedWith(signingKey))
      const signingKeys = [signingKey]
      const others = [
        { issuer: 'https://other.example', audience: AUDIENCE, signingKeys },
        { issuer: ISSUER, audience: 'https://other.example', signingKeys },
        { issuer: ISSUER, audience: AUDIENCE, signingKeys: [await generateSigningKey()] },
      ]
      for (const tokens of others) same(await verdict(another({ tokens }), token), INVALID)
    },
  },
  {
    name: 'a token without a signature, or with a forgeable one, is refused',
    async run() {
      const signingKey = await generateSigningKey('RS256')
      const { twinkey, token } = await tokenFor(signedWith(signingKey))
      const kid = decodeProtectedHeader(token).kid as string
      const claims = decodeJwt(token)
      const none = btoa(JSON.stringify({ alg: 'none', typ: 'at+jwt', kid })).replaceAll('=', '')
      const secret = new TextEncoder().encode(JSON.stringify((await twinkey.tokens.jwks()).keys[0]))
      const symmetric = await new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid })
        .sign(secret)
      for (const forged of [`${none}.${token.split('.')[1]}.`, symmetric])
        same(await verdict(twinkey, forged), INVALID)
    },
  },
  ...thumbprints.map(
    ({ from, jwk, kid }): Check => ({
      name: `the kid of a key is the thumbprint of ${from}`,
      async run() {
        const { twinkey } = createBench(signedWith(await generateSigningKey(), jwk as JWK))
        same((await twinkey.tokens.jwks()).keys[1]?.kid, kid)
      },
    }),
  ),
  {
    name: 'without a signing key, the memory store gets a temporary one, with a warning',
    async run() {
      const types: string[] = []
      const twinkey = createTwinkey({ onEvent: ({ type }) => types.push(type) })
      const { primary } = await twinkey.keys.create({ name: 'one', scope })
      same(await verdict(twinkey, await issue(twinkey, primary)), LET_IN)
      holds(types.includes('warning.ephemeral_signing_key'), `only ${types}`)
    },
  },
  {
    name: 'without a signing key, no other store issues tokens',
    async run() {
      const { spy } = createBench()
      const twinkey = createTwinkey({ store: { ...spy.store } })
      const { primary } = await twinkey.keys.create({ name: 'one', scope })
      same(await errorCodeOf(() => twinkey.tokens.issue(primary)), 'signing_key_missing')
      same(codeOf(await twinkey.authenticate(sent({ credential: primary }), anyTarget)), LET_IN)
    },
  },
  {
    name: 'a symmetric signing key is not accepted',
    run: () =>
      same(
        thrownBy(() => createTwinkey(signedWith({ kty: 'oct', k: 'c2VjcmV0' }))),
        'TypeError',
      ),
  },
]

/** Tokens, and the keys that sign them. */
export const tokenChecks: readonly Check[] = [
  ...(['ES256', 'EdDSA', 'RS256', 'PS256'] as const).flatMap(checksOf),
  ...lifeChecks,
  ...scopeChecks,
  ...trustChecks,
]
