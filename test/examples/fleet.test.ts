import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { describeFleet } from './fleet-suite.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

// fleet.interop.test.ts has Redis.
describeFleet(['postgres'])

test('the fleet of the examples explains its usage', async () => {
  const program = spawn(process.execPath, ['examples/fleet/start.mjs', '--nodes', 'many'], {
    cwd: root,
  })
  let said = ''
  program.stderr.on('data', (chunk) => {
    said += chunk
  })
  const [code] = await once(program, 'exit')
  expect([code, said]).toEqual([2, expect.stringContaining('--store postgres|redis')])
})
