import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type Backend, startBackend } from './backend.ts'
import type { Figure, Progress } from './figure.ts'
import type { Outcome, Round } from './limits-process.ts'

const PROCESSES = 8

/** Sends more requests at once than a limit allows, from several processes. */
export const figure: Figure = {
  name: 'limits',
  title:
    'requests that are let in, of 10,000 at once by 8 processes with one key and a limit of 1,000',
  async run({ quick, progress }) {
    const rows = []
    for (const kind of ['redis', 'postgres'] as const) {
      const backend = await startBackend(kind)
      try {
        const size = quick
          ? { rounds: 1, calls: 1600, requests: 160 }
          : { rounds: 5, calls: 10_000, requests: 1000 }
        rows.push(...(await roundsOn(backend, size, progress)))
      } finally {
        await backend.stop()
      }
    }
    return { ok: rows.every(({ ok }) => ok), rows }
  },
}

/** One round on one server. */
interface Row extends Outcome {
  readonly ok: boolean
  readonly by: string
  readonly milliseconds: number
}

async function roundsOn(
  { address }: Backend,
  { rounds, calls, requests }: { rounds: number; calls: number; requests: number },
  progress: Progress,
): Promise<readonly Row[]> {
  const entry = fileURLToPath(new URL('limits-process.ts', import.meta.url))
  const children = Array.from({ length: PROCESSES }, () => fork(entry))
  const rows: Row[] = []
  try {
    await Promise.all(children.map((child) => ask<'ready'>(child, address)))
    for (let round = 1; round <= rounds; round++) {
      const began = performance.now()
      const order: Round = { keyId: `round${round}`, requests, calls: calls / PROCESSES }
      const outcomes = await Promise.all(children.map((child) => ask<Outcome>(child, order)))
      const sum = (of: (outcome: Outcome) => number) =>
        outcomes.reduce((total, each) => total + of(each), 0)
      const [letIn, refused] = [sum((each) => each.letIn), sum((each) => each.refused)]
      const failed = sum((each) => each.failed)
      const ok = letIn === requests && refused === calls - requests && failed === 0
      const milliseconds = Math.round(performance.now() - began)
      rows.push({ ok, by: address.kind, letIn, refused, failed, milliseconds })
      progress(`${address.kind}, round ${round}: ${letIn} let in, ${milliseconds} ms`)
    }
  } finally {
    for (const child of children) child.kill()
  }
  return rows
}

/** Sends a message to a process, and waits for its answer. */
async function ask<T>(child: ChildProcess, message: object): Promise<T> {
  const gone = once(child, 'exit').then(() => {
    throw new Error('A process has ended.')
  })
  const answered = once(child, 'message')
  child.send(message)
  return (await Promise.race([answered, gone]))[0] as T
}
