import { largeContract } from '../support/contract.ts'
import { describePostgres } from './postgres-suite.ts'

// postgres.test.ts has all other cases.
describePostgres(['two pools of pg where transactions are serializable', 'PGlite'], largeContract)
