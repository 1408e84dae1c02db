import { blockWith } from '../support/guide.ts'
import { describeSockets, onBun } from './sockets-suite.ts'

describeSockets([
  ['Hono, changed for Bun', onBun(blockWith('sockets', "from '@hono/node-server'")), 'bun'],
])
