import { describeQuickStart } from './quick-start-suite.ts'

// Plain handlers are served by Bun.
describeQuickStart([['twinkey/web', 'bun']])
