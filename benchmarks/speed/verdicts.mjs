// The goals of Twinkey, and whether this run reached them.
import { DECIDE } from './names.mjs'
import { ratios, summary } from './rounds.mjs'

// The checks by hand that do as much as a guard.
const BY_HAND = { key: 'by hand, hash of Node', token: 'jose and a map by hand' }
const MAX_KILOBYTES = 24

/** Compares the results with the goals. `ok` is null for a peer that does less: there is no goal for it. */
export function verdictsOn(rows) {
  const find = (part, group, name) =>
    rows.find((row) => row.part === part && row.group === group && row.name === name)
  const verdicts = []
  const judge = (what, sign, target, unit, series, isGoal = true) => {
    if (series === undefined) return
    const measured = summary(series)
    verdicts.push({
      what,
      target: `${sign} ${target} ${unit}`.trim(),
      ...measured,
      ok: isGoal ? (sign === '<=' ? measured.median <= target : measured.median >= target) : null,
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
    'warm token, core, as jose verifies it',
    '>=',
    40,
    'times as fast',
    warmToken?.ratios.map((ratio) => 1 / ratio),
  )
  judge(
    'first sight of a token, core, over jose',
    '<=',
    1.05,
    'times its time',
    find('tokens', 'first sight', 'Twinkey, await authenticate')?.ratios,
  )
  for (const framework of new Set(
    rows.filter(({ part }) => part === 'http').map(({ group }) => group),
  ))
    for (const [kind, name] of Object.entries(BY_HAND))
      judge(
        `warm ${kind} over HTTP, ${framework}, over the check by hand`,
        '>=',
        1,
        'times its throughput',
        leadOverHttp(find('http', framework, name)),
      )
  for (const peer of rows.filter((row) => row.peer)) {
    const where = peer.part === 'http' ? peer.group : peer.part
    const lessWork = peer.note === undefined ? '' : ', which does less'
    judge(
      `ahead of ${peer.name} (${where})${lessWork}`,
      '>=',
      1,
      'times its speed',
      peer.part === 'http' ? leadOverHttp(peer) : lead(peer, find(peer.part, peer.group, DECIDE)),
      peer.note === undefined,
    )
  }
  judge(
    'the increase of the time with the keys, core, over that by hand',
    '<=',
    1,
    'times, at 1,000,000 keys',
    increase(rows),
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
  const core = find('import', 'minified, gzip', 'createTwinkey')
  for (const row of rows.filter(({ name }) => name.startsWith('requireAuth of ')))
    judge(
      `createTwinkey and ${row.name}`,
      '<=',
      MAX_KILOBYTES,
      'kB',
      core?.values.map((bytes, i) => (bytes + row.values[i]) / 1000),
    )
  return verdicts
}

// The ratio of speeds for each round.
function leadOverHttp(other) {
  return other?.overOurs.map((ratio) => 1 / ratio)
}

function lead(peer, our) {
  return peer.lessIsBetter ? ratios(peer.values, our.values) : ratios(our.ratios, peer.ratios)
}

// How much slower Twinkey becomes with a million keys, compared with the check by hand.
function increase(rows) {
  const at = (group) =>
    rows.find((row) => row.part === 'growth' && row.group === group && row.size >= 1_000_000)
  const [our, byHand] = [at(DECIDE), at('by hand')]
  return our && byHand && ratios(our.ratios, byHand.ratios)
}
