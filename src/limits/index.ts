/** Limiters, which count the requests of keys with limits. @module twinkey/limits */

export type { KeyLimit } from '../core/model/api-key.ts'
export type { LimitAnswer, LimitCharge, Limiter, LimitUse } from '../core/model/limiter.ts'
export type { FlexibleCount, FlexibleLimiter, FlexibleOptions } from './flexible-limiter.ts'
export { memoryLimiter } from './memory.ts'
export { type RateLimiterOptions, rateLimiter } from './rate-limiter.ts'
