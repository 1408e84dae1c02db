// A guarded route compared with the same route without a guard, and with that of Twinkey. Each side
// has its own server, and one process sends requests to them in turn.
import { ask, startLoad, startServer } from './http/children.mjs'
import { probe } from './http/probe.mjs'
import { sidesOf } from './http/sides.mjs'
import { shuffled } from './keys.mjs'
import { OPEN, OUR_KEYS, OUR_TOKENS } from './names.mjs'

const CONNECTIONS = 32
const OURS = { keys: OUR_KEYS, tokens: OUR_TOKENS }

export async function measure({ frameworks, nearest, generations, ...settings }, say) {
  const measured = new Map()
  for (const framework of frameworks) {
    const sides = Object.entries(await sidesOf(framework)).filter(
      ([, { isNear }]) => !nearest || isNear,
    )
    measured.set(framework, {
      sides: Object.fromEntries(sides),
      rows: new Map(sides.map(([name, side]) => [name, rowOf(framework, name, side)])),
    })
  }
  // Processes of the same program differ in speed, depending on where code and heap are placed. So
  // each side has new servers in each generation.
  for (let generation = 1; generation <= generations; generation++) {
    for (const [framework, { sides, rows }] of measured) {
      const names = Object.keys(sides).filter((name) => name !== OPEN)
      for (const name of generation % 2 === 0 ? names.reverse() : names) {
        say(`servers ${generation} of ${generations}, ${framework}: ${name}`)
        await compare(framework, name, sides, rows, settings)
      }
    }
  }
  return [...measured.values()].flatMap(({ rows }) => [...rows.values()])
}

function rowOf(group, name, { takes, peer, less: note }) {
  const row = { part: 'http', group, name, unit: '1/s', takes, peer, note, values: [] }
  if (name === OPEN) return row
  const isOther = takes !== undefined && name !== OURS[takes]
  return { ...row, over: OPEN, ratios: [], throughput: [], ...(isOther ? { overOurs: [] } : {}) }
}

// The rounds of one side follow each other, because a server that is idle for minutes releases
// memory and compiled code.
async function compare(framework, name, sides, rows, settings) {
  const row = rows.get(name)
  const names = [name, OPEN, ...(row.overOurs ? [OURS[row.takes]] : [])]
  const servers = new Map()
  const load = startLoad()
  try {
    for (const each of names) {
      const server = await startServer(framework, each, settings.counts)
      servers.set(each, server)
      await probe(each, server, sides[each])
    }
    await inTurn(row, rows.get(OPEN), servers, load, settings)
  } finally {
    for (const { child } of servers.values()) child.disconnect()
    load.disconnect()
  }
}

async function inTurn(row, open, servers, load, settings) {
  const { rounds, milliseconds, warmMilliseconds, warmRequests, atLeast } = settings
  const names = [...servers.keys()]
  const sent = new Map()
  for (const name of names) {
    // The open route receives the same bytes as the side.
    const { credentials } = servers.get(name === OPEN ? row.name : name)
    const order = shuffled(credentials.length, 1)
    load.send({ name, requests: Array.from(order, (number) => rawRequest(credentials[number])) })
    sent.set(name, 0)
  }
  const drive = async (name, least = atLeast) => {
    const { child, port } = servers.get(name)
    const before = await ask(child, {})
    const {
      error,
      answered,
      total,
      refused,
      milliseconds: elapsed,
    } = await ask(load, {
      name,
      port,
      connections: CONNECTIONS,
      milliseconds,
      warmMilliseconds,
      atLeast: least,
      start: sent.get(name),
    })
    const after = await ask(child, {})
    if (error !== undefined) throw new Error(`${name}: ${error}`)
    if (refused > 0) throw new Error(`${name}: ${refused} of ${total} requests were refused`)
    sent.set(name, sent.get(name) + total)
    return { answered, elapsed, total, microseconds: after.microseconds - before.microseconds }
  }

  // By number and not by time, because a busy machine compiles little in a given time.
  for (const name of names) await drive(name, warmRequests)
  for (let round = 0; round < rounds; round++) {
    // Two slices of each, in the order A B C C B A.
    const turns = round % 2 === 0 ? names : names.toReversed()
    const slices = new Map(names.map((name) => [name, []]))
    for (const name of [...turns, ...turns.toReversed()]) slices.get(name).push(await drive(name))
    const [found, bare, ours] = names.map((name) => rateOf(slices.get(name)))
    row.values.push(found.perSecond)
    open.values.push(bare.perSecond)
    // Of processor time, because other programs take a varying share of the machine.
    row.ratios.push(found.ofProcessor / bare.ofProcessor)
    row.throughput.push(found.perSecond / bare.perSecond)
    if (ours !== undefined) row.overOurs.push(found.ofProcessor / ours.ofProcessor)
  }
}

// `total` includes the warm-up of a slice, because the processor time does too.
function rateOf(slices) {
  const sum = (member) => slices.reduce((all, slice) => all + slice[member], 0)
  return {
    perSecond: (sum('answered') / sum('elapsed')) * 1000,
    ofProcessor: sum('total') / sum('microseconds'),
  }
}

function rawRequest({ tenant, text }) {
  const headers = [
    'Host: 127.0.0.1',
    'Accept: */*',
    'User-Agent: bench',
    `Authorization: Bearer ${text}`,
  ]
  return `GET /tenants/${tenant}/customers HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`
}
