import { smallContract } from '../support/contract.ts'
import { describeReplicas } from './redis-clients-suite.ts'

// redis-clients.interop.test.ts has the large cases, and clients with prefixes.
describeReplicas(smallContract)
