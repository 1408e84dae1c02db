import { describeConsumers, describeMistakes, describeOwnPrincipal } from './consumers-suite.ts'

// consumers.interop.test.ts has the other ways to resolve a module, the declarations of the
// frameworks, and Bun.
describeConsumers(['nodenext'], 'the project')
describeOwnPrincipal(['nodenext'], 'the project')
describeMistakes(['nodenext'], 'the project')
