// One verification of a secret without a server: through the guard and by hand, then by peers.
import { requireAuth } from 'twinkey/express'
import { credentialsOf, requestOf, shuffled, WORKFLOW } from './keys.mjs'
import { byNoble, createKeyCheck } from './minimal.mjs'
import { DECIDE } from './names.mjs'
import { interleave, ratios, timed, timedAsync } from './rounds.mjs'
import { asGuardsHandIt, createWarm, filledStore, requirement, wireOf } from './warm.mjs'

const BY_HAND = 'by hand, hash of Node'

export async function measure({ keys, rounds, peerKeys, peerRounds }, say) {
  const rows = []
  const series = await interleave(await ourSides(keys), { rounds, warmRounds: 5 }, say)
  for (const [name, values] of series)
    rows.push(row('warm key', name, BY_HAND, values, series.get(BY_HAND)))

  // Imported late, so that peers add nothing to the heap before.
  const [ours, ...peers] = await peerSides(peerKeys)
  const beside = await interleave([ours, ...peers], { rounds: peerRounds }, say)
  for (const [name, values] of beside) {
    rows.push({
      ...row('peers', name, ours.name, values, beside.get(ours.name)),
      ...(name === ours.name ? {} : { peer: true }),
    })
  }
  return rows
}

function row(group, name, over, values, base) {
  return {
    part: 'core',
    group,
    name,
    over,
    unit: 'ns',
    lessIsBetter: true,
    values,
    ratios: ratios(values, base),
  }
}

async function ourSides(count) {
  const twinkey = await createWarm(count, await filledStore(count))
  const checked = asGuardsHandIt(requirement)
  const byNode = createKeyCheck(count)
  const noble = createKeyCheck(count, byNoble)
  const next = inShuffledOrder(credentialsOf(count))
  const guard = requireAuth(twinkey, requirement)
  let passed = false
  const pass = () => {
    passed = true
  }
  const decide = (wire) => twinkey.decide(wire, checked).ok
  const sides = {
    [BY_HAND]: ({ headers, params }) =>
      byNode(headers.authorization, params.tenant, WORKFLOW) !== undefined,
    'by hand, @noble/hashes': ({ headers, params }) =>
      noble(headers.authorization, params.tenant, WORKFLOW) !== undefined,
    [DECIDE]: (request) => decide(wireOf(request)),
    'Twinkey, requireAuth of Express without a server'(request) {
      passed = false
      guard(request, undefined, pass)
      return passed
    },
  }
  const verify = ({ headers }) => twinkey.keys.verify(headers.authorization.slice('Bearer '.length))
  const prepared = (make) => (i) => wireOf(make(i))
  return [
    ...Object.entries(sides).map(([name, letsIn]) => ({
      name,
      run: (round) => timed(count, next(round), letsIn),
    })),
    {
      name: `${DECIDE}, request prepared`,
      run: (round) => timed(count, prepared(next(round)), decide),
    },
    { name: 'Twinkey, await keys.verify', run: (round) => timedAsync(count, next(round), verify) },
  ]
}

async function peerSides(count) {
  const { createBetterAuthCheck } = await import('./peers/better-auth.mjs')
  const { createPrefixedCheck } = await import('./peers/prefixed-api-key.mjs')
  const twinkey = await createWarm(count, await filledStore(count))
  const checked = asGuardsHandIt(requirement)
  const betterAuth = await createBetterAuthCheck(count)
  const prefixed = await createPrefixedCheck(count)
  const [ours, theirs, others] = [
    credentialsOf(count),
    betterAuth.credentials,
    prefixed.credentials,
  ].map(inShuffledOrder)
  const decide = (request) => twinkey.decide(wireOf(request), checked).ok
  const ask = async ({ headers, params }) => ({
    ok: (await betterAuth.check(headers.authorization, params.tenant, WORKFLOW)) !== undefined,
  })
  const look = ({ headers, params }) =>
    prefixed.check(headers.authorization, params.tenant, WORKFLOW) !== undefined
  return [
    { name: DECIDE, run: (round) => timed(count, ours(round), decide) },
    {
      name: 'better-auth, secondary storage',
      run: (round) => timedAsync(count, theirs(round), ask),
    },
    { name: 'prefixed-api-key and a map', run: (round) => timed(count, others(round), look) },
  ]
}

// A different order in each round.
function inShuffledOrder(credentials) {
  return (round) => {
    const order = shuffled(credentials.length, round)
    return (i) => requestOf(credentials[order[i]])
  }
}
