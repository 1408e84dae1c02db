import type { Slot } from 'twinkey'
import type { NotedChange } from './history-account.ts'
import type { Done, Intent, Line } from './kill-process.ts'

// The states of keys that follow from the log of a process.

/** A secret in a slot. */
interface Standing {
  /** Undefined for a secret that was not logged. */
  readonly id: string | undefined
  readonly secret: string | undefined
  /** True for the old secret of a rotation, which expires after its grace period. */
  readonly dies?: boolean
}

/** A key after a change. */
export interface State {
  readonly revoked: boolean
  readonly deleted: boolean
  readonly primary: Standing
  readonly secondary: Standing | null
  /** Secrets that must be refused. */
  readonly gone: readonly (string | undefined)[]
}

const UNKNOWN: Standing = { id: undefined, secret: undefined }
export const SLOTS: readonly Slot[] = ['primary', 'secondary']

/** Reads the log of a process: the states of each key, and the change in flight. */
export function readLog(lines: readonly Line[]) {
  const noted: NotedChange[] = []
  const histories = new Map<string, State[]>()
  let flying: Intent | undefined
  let acknowledged = 0
  for (const line of lines) {
    if ('kind' in line) {
      flying = line
      continue
    }
    if ('change' in line) {
      noted.push(line)
      continue
    }
    if (flying === undefined)
      throw new Error('a process said what it had done, and not before what it was about to do')
    const history = histories.get(line.id) ?? []
    histories.set(line.id, history)
    history.push(known(after(history.at(-1) ?? fresh(false), flying), line))
    flying = undefined
    acknowledged++
  }
  return { histories, noted, flying, acknowledged }
}

const fresh = (secondary: boolean): State => ({
  revoked: false,
  deleted: false,
  primary: UNKNOWN,
  secondary: secondary ? UNKNOWN : null,
  gone: [],
})

/** The state after a change. */
export function after(state: State, intent: Intent): State {
  const { primary, secondary, gone } = state
  if (intent.kind === 'create') return fresh(intent.secondary)
  if (intent.kind === 'revoke') return { ...state, revoked: true }
  if (intent.kind === 'delete')
    return {
      ...fresh(false),
      deleted: true,
      gone: [...gone, primary.secret, secondary?.secret],
    }
  if (intent.kind === 'rotate')
    return {
      ...state,
      primary: UNKNOWN,
      secondary: { ...primary, dies: true },
      gone: [...gone, secondary?.secret],
    }
  return { ...state, [intent.slot]: UNKNOWN, gone: [...gone, state[intent.slot]?.secret] }
}

function known(state: State, { shown, ...ids }: Done): State {
  const filled = (slot: Slot) => {
    const standing = state[slot]
    return standing === UNKNOWN ? { id: ids[slot] ?? undefined, secret: shown[slot] } : standing
  }
  return { ...state, primary: filled('primary') as Standing, secondary: filled('secondary') }
}
