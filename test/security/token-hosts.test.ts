import { describeHostileTokens } from './token-hosts-suite.ts'

// token-attacks.test.ts covers every algorithm without a host, token-hosts.interop.test.ts with one.
describeHostileTokens(['ES256'])
