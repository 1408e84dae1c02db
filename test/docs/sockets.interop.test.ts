import { blockWith } from '../support/guide.ts'
import { describeSockets, onBun } from './sockets-suite.ts'

// sockets.test.ts runs the program for Fastify.
describeSockets([
  ['Hono', blockWith('sockets', "from '@hono/node-server'"), 'tsx'],
  ['Hono, changed for Bun', onBun(blockWith('sockets', "from '@hono/node-server'")), 'bun'],
])
