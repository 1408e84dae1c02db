import { FRAMEWORKS } from './newman/demo-process.ts'
import { describeSeeds } from './seeds-suite.ts'

// seeds.test.ts has the first framework.
describeSeeds(FRAMEWORKS.slice(1))
