import { storeContract } from 'twinkey/testing'
import { largeContract } from '../support/contract.ts'
import { describeRedis } from './redis-suite.ts'

// redis.test.ts has the small cases of the other pairs.
describeRedis(
  [
    { library: 'node-redis', place: 'a cluster' },
    { library: 'ioredis', place: 'one server' },
  ],
  storeContract,
)
describeRedis(
  [
    { library: 'node-redis', place: 'one server' },
    { library: 'ioredis', place: 'a cluster' },
  ],
  largeContract,
)
