import { blockWith } from '../support/guide.ts'
import { describeEvents, describeSockets } from './sockets-suite.ts'

// sockets.interop.test.ts runs the program for Bun.
describeSockets([
  ['Fastify', blockWith('sockets', "from '@fastify/websocket'"), 'tsx'],
  ['Hono', blockWith('sockets', "from '@hono/node-server'"), 'tsx'],
])
describeEvents()
