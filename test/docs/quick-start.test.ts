import { describeQuickStart } from './quick-start-suite.ts'

describeQuickStart([
  ['twinkey/express', 'tsx'],
  ['twinkey/fastify', 'tsx'],
  ['twinkey/hono', 'tsx'],
])
