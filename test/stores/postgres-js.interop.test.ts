import { largeContract } from '../support/contract.ts'
import { describePostgresJs } from './postgres-js-suite.ts'

// postgres-js.test.ts has all other cases.
describePostgresJs(largeContract)
