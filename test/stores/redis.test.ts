import { describeRedis } from './redis-suite.ts'

// Each library once, and each place once. redis.interop.test.ts has the other pairs.
describeRedis([
  { library: 'node-redis', place: 'one server' },
  { library: 'ioredis', place: 'a cluster' },
])
