import { describeShownTests } from './testing-suite.ts'

// testing.test.ts has Express.
describeShownTests(['fastify', 'hono', 'web'])
