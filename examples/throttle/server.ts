import express from 'express'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { createTwinkey, type Throttle, tokenEndpoints, type WireRequest } from 'twinkey'
import { mount, requireAuth } from 'twinkey/express'
import { stopServer } from '../stop-server.ts'

const { PORT = '3000', PROXIES } = process.env

const twinkey = createTwinkey({
  prefixes: ['acme'],
  environments: ['production'],
  onEvent: (event) => {
    if (event.type === 'warning.throttle_unavailable') console.warn(event.message, event.error)
  },
})

// Ten refused credentials in five minutes. To share the count between processes, use
// RateLimiterRedis or RateLimiterPostgres.
const POINTS = 10
const failures = new RateLimiterMemory({ points: POINTS, duration: 300 })

// Counts by address alone. A count by key would let anyone who knows the id of a key lock it out.
const throttle: Throttle<WireRequest> = {
  async retryAfterSeconds(peer) {
    const count = await failures.get(networkOf(peer))
    return count !== null && count.consumedPoints >= POINTS ? count.msBeforeNext / 1000 : undefined
  },
  failed: (peer) => failures.penalty(networkOf(peer)),
}

// A caller with one IPv6 address usually controls its whole /64 network, so the network is counted.
function networkOf(peer: string): string {
  if (!peer.includes(':') || peer.includes('.')) return peer
  const [head = '', tail] = peer.split('::')
  const groups = head === '' ? [] : head.split(':')
  const behind = tail ? tail.split(':') : []
  while (tail !== undefined && groups.length + behind.length < 8) groups.push('0')
  return groups.concat(behind).slice(0, 4).join(':')
}

const { key, primary } = await twinkey.keys.create({
  name: 'Billing',
  scope: { tenants: ['t1'], workflows: ['customers.read'] },
})
console.log(`Key ${key.id} has the secret ${primary}`)

const app = express()
// The addresses of the trusted proxies, like 10.0.0.1,10.0.0.2. They report the peer. Without this
// setting the peer is the last proxy, so all callers share one count. With a number of hops, a
// caller that connects directly could choose its address.
app.set('trust proxy', PROXIES || false)
app.use('/tokens', mount(tokenEndpoints(twinkey, { throttle })))
app.get(
  '/customers',
  requireAuth(twinkey, { workflow: 'customers.read', throttle }),
  (req, res) => {
    res.json({ caller: req.principal.name, tenant: req.principal.tenant })
  },
)

const server = app.listen(Number(PORT), () => console.log(`Listening on http://localhost:${PORT}`))

async function stop() {
  await stopServer(server)
  await twinkey.close()
  console.log('Closed')
}
process.once('SIGINT', stop).once('SIGTERM', stop)
