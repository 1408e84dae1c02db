import { from } from 'twinkey'
import { describe, expect, test } from 'vitest'
import { sendHttp2 } from '../../support/http2.ts'
import { sendRaw } from '../../support/raw-http.ts'
import { withHttp2 } from './chain.ts'
import { createRandom, randomRequest } from './random.ts'
import { expectedOf, idOf, NAMES, type Name, oursIn, startRecorded } from './recorded.ts'
import { ROUTES } from './scene.ts'

const SEED = 20261129
const COUNT = 10_000
const AT_ONCE = 24

/** Sends random requests, and checks what the service got. @returns How many it got. */
async function tryRandom(name: Name, count: number, protocol: 'HTTP/1.1' | 'HTTP/2') {
  const send = protocol === 'HTTP/2' ? sendHttp2 : sendRaw
  const edit = protocol === 'HTTP/2' ? withHttp2 : undefined
  const routes = {
    ...ROUTES,
    'GET /tenants/:tenant/customers/export': {
      tenant: from.param('tenant'),
      workflow: from.routeTemplate(),
    },
  }
  const { scene, chain, decided } = await startRecorded(name, routes, edit)
  const random = createRandom(SEED)
  // A key can do everything in two tenants, so most requests with a route are accepted.
  const keys = [...Array(12).fill(scene.good), scene.narrow, scene.narrow, 'tk_wrong', '']
  const requests = Array.from({ length: count }, () => randomRequest(random, keys))
  const statuses = new Map<number, number>()
  let next = 0
  const sendOn = async () => {
    for (let i = next++; i < count; i = next++) {
      const { headers, ...request } = requests[i] as (typeof requests)[number]
      const { status } = await send(chain.port, {
        ...request,
        headers: [...headers, ['X-Test', `${i}`]],
      }).catch(() => ({ status: 0 }))
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, sendOn))
  const served = chain.served()
  await chain.stop()
  const counts = [...statuses].sort(([one], [other]) => one - other)
  console.log(
    `${name}, ${protocol}: ${served.length} served; ${counts.map((each) => each.join(': ')).join(', ')}`,
  )
  for (const each of served) {
    const decision = decided.get(idOf(each))
    const sent = requests[Number(idOf(each))]
    const { method, target, readings } = each
    expect({ sent, method, target }).toEqual({ sent, method: sent?.method, target: decision?.url })
    const routes = [...new Set(Object.values(readings))]
    expect({ sent, routes }).toEqual({ sent, routes: [decision?.route] })
    expect({ sent, ours: oursIn(each) }).toEqual({ sent, ours: expectedOf(decision?.principal) })
  }
  // Each request is served at most once, and the caller of each that is served gets the answer.
  expect(new Set(served.map(idOf)).size).toBe(served.length)
  expect(served.length).toBe(statuses.get(200))
  return served.length
}

describe.each(NAMES)('behind %s', (name) => {
  test(`${COUNT} random requests are served as the route that the gateway checked (seed ${SEED})`, async () => {
    const served = await tryRandom(name, COUNT, 'HTTP/1.1')
    expect(served).toBeGreaterThan(COUNT / 5)
    expect(served).toBeLessThan((COUNT * 4) / 5)
  }, 300_000)

  test(`1000 random requests over HTTP/2 are served as that route, too (seed ${SEED})`, async () => {
    const served = await tryRandom(name, 1000, 'HTTP/2')
    expect(served).toBeGreaterThan(100)
    expect(served).toBeLessThan(800)
  }, 300_000)
})
