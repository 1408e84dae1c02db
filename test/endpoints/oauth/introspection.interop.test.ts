import { ALGORITHMS } from '../../security/forge-scene.ts'
import { describeIntrospection } from './introspection-suite.ts'

// introspection.test.ts covers ES256.
describeIntrospection(ALGORITHMS.filter((algorithm) => algorithm !== 'ES256'))
