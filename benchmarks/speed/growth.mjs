// The cost of one verification with few and with very many keys, all of them cached.
import { credentialOf, idOf, requestOf, shuffled, syntheticStore, WORKFLOW } from './keys.mjs'
import { createKeyCheck } from './minimal.mjs'
import { DECIDE } from './names.mjs'
import { interleave, ratios, timed } from './rounds.mjs'
import { asGuardsHandIt, createWarm, requirement, wireOf } from './warm.mjs'

export async function measure({ sizes, calls, rounds }, say) {
  const checked = asGuardsHandIt(requirement)
  const sides = { [DECIDE]: [], 'by hand': [] }
  for (const size of sizes) {
    say(`${size} keys`)
    const twinkey = await createWarm(size, syntheticStore())
    const byHand = createKeyCheck(size)
    const next = (round) => {
      const order = shuffled(size, round).slice(0, calls)
      return (i) => requestOf(credentialOf(idOf(order[i % order.length])))
    }
    const decide = (request) => twinkey.decide(wireOf(request), checked).ok
    const look = ({ headers, params }) =>
      byHand(headers.authorization, params.tenant, WORKFLOW) !== undefined
    sides[DECIDE].push({
      name: nameOf(DECIDE, size),
      size,
      run: (round) => timed(calls, next(round), decide),
    })
    sides['by hand'].push({
      name: nameOf('by hand', size),
      size,
      run: (round) => timed(calls, next(round), look),
    })
  }
  const series = await interleave(Object.values(sides).flat(), { rounds }, say)
  return Object.entries(sides).flatMap(([group, members]) =>
    members.map(({ name, size }) => {
      const over = nameOf(group, sizes[0])
      const values = series.get(name)
      return {
        part: 'growth',
        group,
        name,
        size,
        over,
        unit: 'ns',
        lessIsBetter: true,
        values,
        ratios: ratios(values, series.get(over)),
      }
    }),
  )
}

function nameOf(who, size) {
  return `${who}, ${size.toLocaleString('en')} keys`
}
