import { FRAMEWORKS } from './newman/demo-process.ts'
import { describeSeeds } from './seeds-suite.ts'

// seeds.interop.test.ts has the other frameworks.
describeSeeds(FRAMEWORKS.slice(0, 1))
