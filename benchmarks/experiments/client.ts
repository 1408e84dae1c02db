import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createClient } from 'twinkey/client'
import type { Figure } from './figure.ts'
import { spread } from './quantiles.ts'

/** Compares warm calls through the client with calls of `fetch` that send the same token. */
export const figure: Figure = {
  name: 'client',
  title:
    'the time of a warm call through the client, as a multiple of a call of fetch with a token',
  async run({ quick, progress }) {
    const { origin, close } = await startServer()
    const client = createClient({
      tokenUrl: `${origin}/tokens`,
      secrets: ['secret'],
      origins: [origin],
    })
    const headers = { authorization: `Bearer ${await client.token()}` }
    const sides = {
      client: () => client.fetch(`${origin}/a`),
      bare: () => fetch(`${origin}/a`, { headers }),
      bareAgain: () => fetch(`${origin}/a`, { headers }),
    }
    const rounds = await measure(
      sides,
      quick ? { rounds: 10, calls: 200 } : { rounds: 40, calls: 500 },
    )
    client.close()
    close()
    const ratio = spread(rounds.map(({ client, bare }) => client / bare))
    const noise = spread(rounds.map(({ bareAgain, bare }) => bareAgain / bare))
    progress(`${ratio.median.toFixed(3)}, and ${noise.median.toFixed(3)} for the same side twice`)
    const microseconds = spread(rounds.map(({ bare }) => bare)).median
    return { ok: ratio.median <= Math.max(1.05, noise.high), ratio, noise, microseconds }
  },
}

const TOKEN = 'x'.repeat(800)
const GRANT = JSON.stringify({ access_token: TOKEN, token_type: 'Bearer', expires_in: 3600 })

/** A server whose answers cost as little as possible, so that the ratio is as large as possible. */
async function startServer() {
  const server = createServer(({ url }, response) => response.end(url === '/tokens' ? GRANT : '{}'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close }
}

type Side = 'client' | 'bare' | 'bareAgain'

/** Calls the sides in turn, so that what else the machine does affects all of them alike. */
async function measure(
  sides: Readonly<Record<Side, () => Promise<Response>>>,
  { rounds, calls }: { readonly rounds: number; readonly calls: number },
) {
  const names = Object.keys(sides) as Side[]
  const measured: Record<Side, number>[] = []
  // The first rounds warm up the compiler and are not counted.
  for (let round = -3; round < rounds; round++) {
    const times: Record<Side, number[]> = { client: [], bare: [], bareAgain: [] }
    for (let call = 0; call < calls; call++) {
      const shift = call % names.length
      for (const name of [...names.slice(shift), ...names.slice(0, shift)]) {
        const began = performance.now()
        await (await sides[name]()).text()
        times[name].push((performance.now() - began) * 1000)
      }
    }
    const of = (name: Side) => spread(times[name]).median
    if (round >= 0)
      measured.push({ client: of('client'), bare: of('bare'), bareAgain: of('bareAgain') })
  }
  return measured
}
