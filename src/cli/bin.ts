#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { processIo } from './process-io.ts'
import { report, run, writeError } from './run.ts'

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
const { io, flush } = processIo(version)
const argv = process.argv.slice(2)
// Node would print every member of an error of the configuration, with what a driver put there.
process.on('uncaughtException', (error) => process.exit(report(error, argv, io)))
const code = await run(argv, io)
const lost = await flush()
if (lost !== undefined) writeError('failed', lost, argv, io)
await flush()
// The database client of the application would keep the process alive.
process.exit(lost === undefined ? code : code || 1)
