import { smallContract } from '../support/contract.ts'
import { describeClients } from './redis-clients-suite.ts'

// redis-clients.interop.test.ts has the large cases.
describeClients(smallContract)
