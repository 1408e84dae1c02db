import { blockWith } from '../support/guide.ts'
import { describeEvents, describeSockets } from './sockets-suite.ts'

// sockets.interop.test.ts runs the programs for Hono.
describeSockets([['Fastify', blockWith('sockets', "from '@fastify/websocket'"), 'tsx']])
describeEvents()
