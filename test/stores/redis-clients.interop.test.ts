import { storeContract } from 'twinkey/testing'
import { largeContract } from '../support/contract.ts'
import { describePrefixes, describeReplicas } from './redis-clients-suite.ts'

// redis-clients.test.ts has the small cases with replicas.
describePrefixes(storeContract)
describeReplicas(largeContract)
