import { hosts } from '../http/hosts.ts'
import { tables } from './leak-tables.ts'
import { describeTables } from './leaks-suite.ts'

// leaks.test.ts has all tables on Hono, and the standard table on Express 5 and Fastify.
const others = Object.keys(hosts).filter((name) => name !== 'Hono 4 on Node')
const rest = Object.keys(tables).filter((name) => name !== 'standard')
describeTables(others, rest)
describeTables(['Express 4'], ['standard'])
