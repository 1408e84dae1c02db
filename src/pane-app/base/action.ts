import { useRef, useState } from 'preact/hooks'
import type { Answer, ApiKey, Failure } from './model.ts'
import { usePane } from './pane.ts'

/** A request that a button starts. */
export interface Action {
  readonly busy: boolean
  readonly failure: Failure | undefined
  /** Sends the request unless one is in progress. Returns undefined after a failure. */
  run<T>(request: () => Promise<Answer<T>>): Promise<{ value: T } | undefined>
}

// After these the key may differ from what the page shows.
const STALE = new Set([
  'version_conflict',
  'outcome_unknown',
  'no_answer',
  'key_revoked',
  'key_not_found',
  'secondary_live',
])

/** Runs one request at a time and keeps its failure. Pass the key to reload it if it is stale. */
export function useAction(key?: ApiKey): Action {
  const { keys } = usePane()
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<Failure>()
  const isRunning = useRef(false)
  return {
    busy,
    failure,
    async run(request) {
      if (isRunning.current) return undefined
      isRunning.current = true
      setBusy(true)
      const answer = await request()
      isRunning.current = false
      setBusy(false)
      setFailure(answer.ok ? undefined : answer.failure)
      if (answer.ok) return { value: answer.value }
      if (key !== undefined && STALE.has(answer.failure.code)) await keys.reload(key.id)
      return undefined
    },
  }
}
