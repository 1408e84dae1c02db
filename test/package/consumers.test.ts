import { describeConsumers } from './consumers-suite.ts'

// consumers.interop.test.ts has the other frameworks, the other ways to resolve a module, the
// declarations of the frameworks, mistakes that must not compile, and Bun.
describeConsumers(['web'], ['nodenext'], 'the project')
