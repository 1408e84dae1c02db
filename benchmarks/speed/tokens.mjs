// One verification of a token without a server, warm and at first sight, compared with jose's
// verification of the same token and with peers.
import { importJWK, jwtVerify } from 'jose'
import { requestOf, shuffled, WORKFLOW } from './keys.mjs'
import { createTokenCheck } from './minimal.mjs'
import { DECIDE } from './names.mjs'
import { interleave, ratios, timed, timedAsync } from './rounds.mjs'
import {
  asGuardsHandIt,
  createWarm,
  filledStore,
  issueTokens,
  requirement,
  tokensOf,
  wireOf,
} from './warm.mjs'

const WARM_ROUNDS = 3
const BY_JOSE = 'jose, jwtVerify'
const tokenIn = ({ headers }) => headers.authorization.slice('Bearer '.length)

export async function measure({ tokens: count, firsts, rounds }, say) {
  const { twinkey, credentials: issued, jwk, rules } = await tokensOf(count)
  const publicKey = await importJWK(jwk, 'ES256')
  const jose = async (request) => ({
    ok:
      (
        await jwtVerify(tokenIn(request), publicKey, {
          ...rules,
          algorithms: ['ES256'],
          typ: 'at+jwt',
        })
      ).payload.exp > 0,
  })

  const warm = await interleave(
    await warmSides(twinkey, issued, { jose, jwk, publicKey, rules }, firsts),
    { rounds },
    say,
  )
  const others = { jose, signature: signatureCheck(publicKey) }
  const sides = await firstSides(twinkey, others, { keys: count, firsts, rounds })
  const first = await interleave(sides, { rounds, warmRounds: WARM_ROUNDS }, say)
  return [...rowsOf('warm token', warm), ...rowsOf('first sight', first)]
}

function rowsOf(group, series) {
  return Array.from(series, ([name, values]) => ({
    part: 'tokens',
    group,
    name,
    over: BY_JOSE,
    unit: 'ns',
    lessIsBetter: true,
    peer: name.startsWith('fast-jwt'),
    values,
    ratios: ratios(values, series.get(BY_JOSE)),
  }))
}

async function warmSides(twinkey, issued, { jose, jwk, publicKey, rules }, few) {
  const { createFastJwtCheck } = await import('./peers/fast-jwt.mjs')
  const checked = asGuardsHandIt(requirement)
  const byHand = createTokenCheck({ ...rules, publicKey })
  const peer = { ...rules, jwk }
  const [fastJwt, fastJwtCached] = [
    createFastJwtCheck(peer),
    createFastJwtCheck({ ...peer, cache: 2 * issued.length }),
  ]
  // Every side has seen every token once.
  for (const credential of issued) {
    const request = requestOf(credential)
    await twinkey.authenticate(wireOf(request), checked)
    await byHand(request.headers.authorization, request.params.tenant, WORKFLOW)
    fastJwtCached(request.headers.authorization, request.params.tenant, WORKFLOW)
  }
  const next = (round) => {
    const order = shuffled(issued.length, round)
    return (i) => requestOf(issued[order[i]])
  }
  const by =
    (check) =>
    ({ headers, params }) =>
      check(headers.authorization, params.tenant, WORKFLOW) !== undefined
  const all = (letsIn) => (round) => timed(issued.length, next(round), letsIn)
  return [
    { name: BY_JOSE, run: (round) => timedAsync(few, next(round), jose) },
    { name: 'jose and a map by hand', run: all(by(byHand)) },
    {
      name: DECIDE,
      run: all((request) => twinkey.decide(wireOf(request), checked).ok),
    },
    {
      name: 'Twinkey, await tokens.verify',
      run: (round) =>
        timedAsync(issued.length, next(round), (request) =>
          twinkey.tokens.verify(tokenIn(request)),
        ),
    },
    { name: 'fast-jwt', run: (round) => timed(few, next(round), by(fastJwt)) },
    { name: 'fast-jwt, its cache on', run: all(by(fastJwtCached)) },
  ]
}

// The minimum of every verification.
function signatureCheck(publicKey) {
  const encoder = new TextEncoder()
  return async (request) => {
    const token = tokenIn(request)
    const end = token.lastIndexOf('.')
    const [signature, text] = [token.slice(end + 1), encoder.encode(token.slice(0, end))]
    const bytes = Buffer.from(signature, 'base64url')
    return {
      ok: await crypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, publicKey, bytes, text),
    }
  }
}

// A Twinkey that has cached the keys, and gets new tokens in each round.
async function firstSides(issuer, { jose, signature }, { keys, firsts: count, rounds }) {
  const checked = asGuardsHandIt(requirement)
  const unseen = await issueTokens(issuer, (rounds + WARM_ROUNDS) * count, keys)
  const twinkey = await createWarm(keys, await filledStore(keys))
  await twinkey.tokens.verify((await issueTokens(issuer, 1))[0].text)
  const first = (round) => (i) => requestOf(unseen[round * count + i])
  return [
    { name: BY_JOSE, run: (round) => timedAsync(count, first(round), jose) },
    {
      name: 'Web Crypto, the signature alone',
      run: (round) => timedAsync(count, first(round), signature),
    },
    {
      name: 'Twinkey, await authenticate',
      run: (round) =>
        timedAsync(count, first(round), (request) =>
          twinkey.authenticate(wireOf(request), checked),
        ),
    },
  ]
}
