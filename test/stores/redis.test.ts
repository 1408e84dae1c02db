import { smallContract } from '../support/contract.ts'
import { describeRedis } from './redis-suite.ts'

// Each library once, and each place once. redis.interop.test.ts has the other pairs, and the large
// cases.
describeRedis(
  [
    { library: 'node-redis', place: 'one server' },
    { library: 'ioredis', place: 'a cluster' },
  ],
  smallContract,
)
