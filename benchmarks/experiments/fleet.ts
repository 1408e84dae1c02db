import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Address } from './backend.ts'
import type { NodeOrder, NodeWord } from './fleet-node.ts'

/** A node in its own process. */
export interface FleetNode {
  /** Verifies these secrets continuously. Resolves when all were accepted. */
  ask(secrets: readonly string[], everyMilliseconds: number): Promise<void>
  /** Resolves when none is accepted any more. */
  refused(): Promise<void>
  stop(): Promise<Extract<NodeWord, { word: 'stopped' }>>
  end(): void
}

const NODE = fileURLToPath(new URL('fleet-node.ts', import.meta.url))

/** Starts a node. */
export async function startNode(
  address: Address,
  how: { readonly feed: boolean; readonly maxAgeSeconds: number },
): Promise<FleetNode> {
  const child = fork(NODE, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const tell = (order: NodeOrder) => child.send(order)
  const ready = heard(child, 'ready')
  tell({ order: 'open', address, ...how })
  await ready
  let refused: Promise<unknown> = Promise.resolve()
  return {
    async ask(secrets, everyMilliseconds) {
      refused = heard(child, 'refused')
      const letIn = heard(child, 'let in')
      tell({ order: 'ask', secrets, everyMilliseconds })
      await letIn
    },
    async refused() {
      await refused
    },
    async stop() {
      const stopped = heard(child, 'stopped')
      tell({ order: 'stop' })
      return (await stopped) as Extract<NodeWord, { word: 'stopped' }>
    },
    end: () => void child.kill('SIGKILL'),
  }
}

function heard(child: ChildProcess, word: NodeWord['word']): Promise<NodeWord> {
  return new Promise((resolve, reject) => {
    const listen = (message: NodeWord) => {
      if (message.word !== word) return
      child.off('message', listen).off('exit', gone)
      resolve(message)
    }
    const gone = () => reject(new Error(`a node ended before it said "${word}"`))
    child.on('message', listen).on('exit', gone)
  })
}
