// The goals of Twinkey, and whether this run reached them.
import { DECIDE, OUR_KEYS, OUR_TOKENS } from './names.mjs'
import { ratios, summary } from './rounds.mjs'

const HTTP = {
  fastify: { keys: 0.93, tokens: 0.9 },
  express: { keys: 0.95, tokens: 0.93 },
  hono: { keys: 0.9, tokens: 0.87 },
}

/** Compares the results with the goals. `ok` is null if a quick run measures too little. */
export function verdictsOn(rows) {
  const find = (part, group, name) =>
    rows.find((row) => row.part === part && row.group === group && row.name === name)
  const verdicts = []
  const judge = (what, sign, target, unit, series) => {
    if (series === undefined) return
    const measured = summary(series)
    verdicts.push({
      what,
      target: `${sign} ${target} ${unit}`.trim(),
      ...measured,
      ok: sign === '<=' ? measured.median <= target : measured.median >= target,
    })
  }

  judge(
    'warm key, core, over the check by hand',
    '<=',
    1.5,
    'times its time',
    find('core', 'warm key', DECIDE)?.ratios,
  )
  const warmToken = find('tokens', 'warm token', DECIDE)
  judge(
    'warm token, core, than jose verifies it',
    '>=',
    40,
    'times faster',
    warmToken?.ratios.map((ratio) => 1 / ratio),
  )
  judge(
    'first sight of a token, core, over jose',
    '<=',
    1.1,
    'times its time',
    find('tokens', 'first sight', 'Twinkey, await authenticate')?.ratios,
  )
  for (const [framework, targets] of Object.entries(HTTP)) {
    judge(
      `warm key over HTTP, ${framework}`,
      '>=',
      targets.keys,
      'of the open route',
      find('http', framework, OUR_KEYS)?.ratios,
    )
    judge(
      `warm token over HTTP, ${framework}`,
      '>=',
      targets.tokens,
      'of the open route',
      find('http', framework, OUR_TOKENS)?.ratios,
    )
  }
  for (const peer of rows.filter((row) => row.peer)) {
    const where = peer.part === 'http' ? peer.group : peer.part
    const lessWork = peer.note === undefined ? '' : ', which does less'
    judge(
      `ahead of ${peer.name} (${where})${lessWork}`,
      '>=',
      1,
      'times its speed',
      lead(peer, ours(peer, find)),
    )
  }
  verdicts.push(
    ...growth(rows.filter(({ part, group }) => part === 'growth' && group.startsWith('Twinkey'))),
  )
  judge(
    'memory of a cached key',
    '<=',
    1000,
    'bytes',
    find('memory', 'cached key', 'Twinkey')?.values,
  )
  for (const row of rows.filter(
    ({ group, name }) => group === 'cold import' && name.startsWith('twinkey'),
  )) {
    judge(`cold import of ${row.name}`, '<=', 1.3, 'times jose and noble', row.ratios)
  }
  return verdicts
}

function ours({ part, group, takes }, find) {
  if (part === 'http') return find(part, group, takes === 'keys' ? OUR_KEYS : OUR_TOKENS)
  return find(part, group, DECIDE)
}

// The ratio of speeds for each round. Over HTTP both were measured next to the open route.
function lead(peer, our) {
  return peer.lessIsBetter ? ratios(peer.values, our.values) : ratios(our.ratios, peer.ratios)
}

function growth(rows) {
  const row = rows.at(-1)
  if (row === undefined) return []
  const measured = summary(row.ratios)
  const ok = row.size >= 1_000_000 ? measured.median <= 2.5 : null
  return [
    {
      what: `${row.size.toLocaleString('en')} keys over 1,000, core`,
      target: '<= 2.5 times its time, at 1,000,000',
      ...measured,
      ok,
    },
  ]
}
