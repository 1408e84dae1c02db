import { storeContract } from 'twinkey/testing'
import { largeContract } from '../support/contract.ts'
import { describePostgres } from './postgres-suite.ts'

// postgres.test.ts has the small cases with two pools.
describePostgres(['two pools of pg, in a schema of its own'], largeContract)
describePostgres(['two pools of pg where transactions are serializable', 'PGlite'], storeContract)
