import { ALGORITHMS } from './forge-scene.ts'
import { describeHostileTokens } from './token-hosts-suite.ts'

// token-hosts.test.ts covers ES256.
describeHostileTokens(ALGORITHMS.filter((algorithm) => algorithm !== 'ES256'))
