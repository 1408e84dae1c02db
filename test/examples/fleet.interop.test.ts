import { describeFleet } from './fleet-suite.ts'

// fleet.test.ts has PostgreSQL.
describeFleet(['redis'])
