import { describeConsumers, describeMistakes, describeOwnPrincipal } from './consumers-suite.ts'

// consumers.interop.test.ts has the other ways to resolve a module, and Bun.
describeConsumers(['nodenext'])
describeOwnPrincipal(['nodenext'])
describeMistakes(['nodenext'])
