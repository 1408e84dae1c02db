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

async function compare(framework, rows, sides, settings, say) {
  const servers = new Map()
  const load = startLoad()
  try {
    for (const [name, side] of sides) {
      say(`starts ${name}`)
      const server = await startServer(framework, name, settings.counts)
      servers.set(name, server)
      await probe(name, server, side)
      const order = shuffled(server.credentials.length, 1)
      load.send({
        name,
        requests: Array.from(order, (number) => rawRequest(server.credentials[number])),
      })
    }
    await inTurn(rows, servers, load, settings, say)
  } finally {
    for (const { child } of servers.values()) child.disconnect()
    load.disconnect()
  }
}

async function inTurn(
  rows,
  servers,
  load,
  { rounds, milliseconds, settleMilliseconds, warmMilliseconds, warmRequests, atLeast },
  say,
) {
  const [open, guarded] = [
    rows.find(({ name }) => name === OPEN),
    rows.filter(({ name }) => name !== OPEN),
  ]
  const drive = async (to, requests, start, least = atLeast, forMilliseconds = milliseconds) => {
    const { child, port } = servers.get(to)
    const before = await ask(child, {})
    const order = {
      port,
      name: requests,
      connections: CONNECTIONS,
      milliseconds: forMilliseconds,
      warmMilliseconds,
      atLeast: least,
      start,
    }
    const { error, answered, total, refused, milliseconds: elapsed } = await ask(load, order)
    const after = await ask(child, {})
    if (error !== undefined) throw new Error(`${to}: ${error}`)
    if (refused > 0) throw new Error(`${to}: ${refused} of ${total} requests were refused`)
    return { answered, elapsed, total, microseconds: after.microseconds - before.microseconds }
  }
  // Two slices of each, in the order A B B A. An idle server releases memory and compiled code and
  // is slow at first, so both are warmed up without counting.
  const beside = async (name, round) => {
    const order = round % 2 === 0 ? [name, OPEN, OPEN, name] : [OPEN, name, name, OPEN]
    for (const to of order.slice(0, 2))
      await drive(to, name, round * 977, atLeast, settleMilliseconds)
    const slices = { [name]: [], [OPEN]: [] }
    for (const to of order) slices[to].push(await drive(to, name, round * 977))
    return [name, OPEN].map((to) => rateOf(slices[to]))
  }

  // By number and not by time, because a busy machine compiles little in a given time.
  for (const { name } of [open, ...guarded]) {
    say(`warms ${name}`)
    await drive(name, name, 0, warmRequests)
  }
  for (let round = 0; round < rounds; round++) {
    for (const { name, values, ratios, throughput } of round % 2 === 0
      ? guarded
      : [...guarded].reverse()) {
      // The open route receives the same bytes.
      const [found, bare] = await beside(name, round)
      values.push(found.perSecond)
      open.values.push(bare.perSecond)
      // Of processor time, because other programs take a varying share of the machine.
      ratios.push(found.ofProcessor / bare.ofProcessor)
      throughput.push(found.perSecond / bare.perSecond)
    }
    say(`round ${round + 1} of ${rounds}`)
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
