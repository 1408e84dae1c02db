import express from 'express'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { createTwinkey, type Throttle, type WireRequest } from 'twinkey'
import { requireAuth, tokenRoutes } from 'twinkey/express'
import { stopServer } from '../stop-server.ts'

const { PORT = '3000', PROXIES } = process.env

const twinkey = createTwinkey({
  prefixes: ['acme'],
  environments: ['production'],
  onEvent: (event) => {
    if (event.type === 'warning.throttle_unavailable') console.warn(event.message, event.error)
  },
})

// Ten refused credentials in five minutes. Several processes share one count with RateLimiterRedis
// or RateLimiterPostgres.
const POINTS = 10
const failures = new RateLimiterMemory({ points: POINTS, duration: 300 })

// Counted by address alone. Whoever counts by key lets anybody who knows the id of a key lock that
// key out.
const throttle: Throttle<WireRequest> = {
  async retryAfterSeconds(peer) {
    const count = await failures.get(networkOf(peer))
    return count !== null && count.consumedPoints >= POINTS ? count.msBeforeNext / 1000 : undefined
  },
  failed: (peer) => failures.penalty(networkOf(peer)),
}

// Whoever has one IPv6 address has all that share its first half: they count as one.
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
// The addresses of the proxies in front, like 10.0.0.1,10.0.0.2. The peer is whoever they say:
// without this it would be the last proxy, and everybody would share one count. A number of hops
// instead would let whoever connects directly choose an address.
app.set('trust proxy', PROXIES || false)
app.use('/tokens', tokenRoutes(twinkey, { throttle }))
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
