import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

interface Told {
  readonly url: string
  readonly secret: string
  readonly ok: boolean
  readonly calls: number
  readonly letIn: number
  readonly answering: number
  readonly underRotation: number
  readonly failed: number
  readonly letInFor: number
}

/** Runs the fleet of the examples on each of these stores. */
export function describeFleet(stores: readonly ('postgres' | 'redis')[]): void {
  test.each(stores)(
    'the fleet of the examples, on %s, passes its own checks, serves requests, and stops on a signal',
    async (store) => {
      const program = spawn(
        process.execPath,
        ['examples/fleet/start.mjs', '--json', '--nodes', '3', '--store', store],
        { cwd: root },
      )
      const ended = once(program, 'exit')
      onTestFinished(() => void program.kill('SIGTERM'))
      let printed = ''
      let complaint = ''
      const line = new Promise<string>((found, failed) => {
        program.stdout.on('data', (chunk) => {
          printed += chunk
          if (printed.includes('\n')) found(printed)
        })
        program.stderr.on('data', (chunk) => {
          complaint += chunk
        })
        program.once('exit', (code) => failed(new Error(`It ended with ${code}: ${complaint}`)))
      })
      const told = JSON.parse(await line) as Told
      expect(told).toMatchObject({ ok: true, answering: 3, failed: 0 })
      // Neither an error, nor a warning about the settings of the database.
      expect(complaint).toBe('')
      expect(told.letIn).toBe(told.calls)
      expect(told.underRotation).toBeGreaterThan(10)

      const ask = (secret: string) =>
        fetch(`${told.url}/customers`, { headers: { authorization: `Bearer ${secret}` } })
      const served = await ask(told.secret)
      expect([served.status, await served.json()]).toEqual([
        200,
        expect.objectContaining({ tenant: 't1', slot: 'primary' }),
      ])
      expect((await ask('none')).status).toBe(401)

      program.kill('SIGTERM')
      expect(await ended).toEqual([0, null])
      await expect(ask(told.secret)).rejects.toThrow()
    },
  )
}
