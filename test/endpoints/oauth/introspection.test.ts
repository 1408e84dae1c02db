import { describeIntrospection } from './introspection-suite.ts'

// introspection.interop.test.ts has the other algorithms.
describeIntrospection(['ES256'])
