// A guarded route compared with the same route without a guard. Each side has its own server, and
// one process sends requests to them in turn.
import { ask, startLoad, startServer } from './http/children.mjs'
import { probe } from './http/probe.mjs'
import { sidesOf } from './http/sides.mjs'
import { shuffled } from './keys.mjs'
import { OPEN } from './names.mjs'

const CONNECTIONS = 32

export async function measure({ frameworks, nearest, generations, ...settings }, say) {
  const measured = new Map()
  for (const framework of frameworks) {
    const sides = Object.entries(await sidesOf(framework)).filter(
      ([, { isNear }]) => !nearest || isNear,
    )
    measured.set(framework, {
      sides,
      rows: sides.map(([name, side]) => rowOf(framework, name, side)),
    })
  }
  // Processes of the same program differ in speed, depending on where code and heap are placed.
  for (let generation = 1; generation <= generations; generation++) {
    for (const [framework, { sides, rows }] of measured) {
      await compare(framework, rows, sides, settings, (text) =>
        say(`servers ${generation} of ${generations}, ${framework}: ${text}`),
      )
    }
  }
  return [...measured.values()].flatMap(({ rows }) => rows)
}

function rowOf(group, name, { takes, peer, less: note }) {
  const over = name === OPEN ? {} : { over: OPEN, ratios: [], throughput: [] }
  return { part: 'http', group, name, unit: '1/s', takes, peer, note, values: [], ...over }
}

// The rounds of one side follow each other, because a server that is idle for minutes releases
// memory and compiled code.
async function compare(framework, rows, sides, settings, say) {
  const load = startLoad()
  const open = await startServer(framework, OPEN, settings.counts)
  try {
    await probe(OPEN, open, Object.fromEntries(sides)[OPEN])
    for (const [name, side] of sides) {
      if (name === OPEN) continue
      say(name)
      const server = await startServer(framework, name, settings.counts)
      try {
        await probe(name, server, side)
        await inTurn(name, rows, { [name]: server, [OPEN]: open }, load, settings)
      } finally {
        server.child.disconnect()
      }
    }
  } finally {
    open.child.disconnect()
    load.disconnect()
  }
}

async function inTurn(
  name,
  rows,
  servers,
  load,
  { rounds, milliseconds, warmMilliseconds, warmRequests, atLeast },
) {
  const { credentials } = servers[name]
  const order = shuffled(credentials.length, 1)
  load.send({ requests: Array.from(order, (number) => rawRequest(credentials[number])) })
  const drive = async (to, start, least = atLeast) => {
    const { child, port } = servers[to]
    const before = await ask(child, {})
    const {
      error,
      answered,
      total,
      refused,
      milliseconds: elapsed,
    } = await ask(load, {
      port,
      connections: CONNECTIONS,
      milliseconds,
      warmMilliseconds,
      atLeast: least,
      start,
    })
    const after = await ask(child, {})
    if (error !== undefined) throw new Error(`${to}: ${error}`)
    if (refused > 0) throw new Error(`${to}: ${refused} of ${total} requests were refused`)
    return { answered, elapsed, total, microseconds: after.microseconds - before.microseconds }
  }

  // By number and not by time, because a busy machine compiles little in a given time.
  for (const to of [OPEN, name]) await drive(to, 0, warmRequests)
  const row = (wanted) => rows.find((each) => each.name === wanted)
  for (let round = 0; round < rounds; round++) {
    // Two slices of each, in the order A B B A. The open route receives the same bytes.
    const slices = { [name]: [], [OPEN]: [] }
    const turns = round % 2 === 0 ? [name, OPEN, OPEN, name] : [OPEN, name, name, OPEN]
    for (const to of turns) slices[to].push(await drive(to, round * 977))
    const [found, bare] = [rateOf(slices[name]), rateOf(slices[OPEN])]
    const { values, ratios, throughput } = row(name)
    values.push(found.perSecond)
    row(OPEN).values.push(bare.perSecond)
    // Of processor time, because other programs take a varying share of the machine.
    ratios.push(found.ofProcessor / bare.ofProcessor)
    throughput.push(found.perSecond / bare.perSecond)
  }
}

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
