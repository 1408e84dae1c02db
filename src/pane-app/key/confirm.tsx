import { useState } from 'preact/hooks'
import { useAction } from '../base/action.ts'
import { api } from '../base/api.ts'
import type { ApiKey } from '../base/model.ts'
import { usePane } from '../base/pane.ts'
import { NameCheck } from '../parts/fields.tsx'
import { Pair } from '../parts/pair.tsx'
import { Problem } from '../parts/problem.tsx'

/** A change of the whole key that asks first. */
export type Change = 'enable' | 'disable' | 'revoke' | 'delete'

const isFinal = (change: Change) => change === 'revoke' || change === 'delete'

function useChange(key: ApiKey, change: Change) {
  const { keys, back } = usePane()
  const action = useAction(key)
  const run = async () => {
    if (change === 'delete') {
      if ((await action.run(() => api.remove(key))) === undefined) return
      keys.remove(key.id)
      return back()
    }
    const outcome = await action.run(() => api.setState(key, change))
    if (outcome === undefined) return
    keys.put(outcome.value)
    back()
  }
  return { ...action, run }
}

/** Offers the change that can be undone before the one that cannot. */
function DisableFirst({ of: { id, state } }: { of: ApiKey }) {
  const { t, go, can } = usePane()
  if (state !== 'active' || !can('disable')) return null
  return (
    <p class="note">
      {t('disable_first')}{' '}
      <button type="button" class="link" onClick={() => go({ at: 'key', id, screen: 'disable' })}>
        {t('disable_instead')}
      </button>
    </p>
  )
}

/** Asks before a key is enabled, disabled, revoked or deleted. */
export function Confirm({ of: key, change }: { of: ApiKey; change: Change }) {
  const { t, back } = usePane()
  const [typed, setTyped] = useState('')
  const { busy, failure, run } = useChange(key, change)
  const mayRun = !isFinal(change) || typed === key.name
  const submit = (event: Event) => {
    event.preventDefault()
    if (mayRun) void run()
  }
  return (
    <form class="dialog-form" onSubmit={submit}>
      <div class="dialog-body">
        <p>{t(`${change}_note`)}</p>
        <Pair of={key} />
        {change === 'revoke' && <DisableFirst of={key} />}
        {isFinal(change) && <NameCheck name={key.name} typed={typed} onText={setTyped} />}
      </div>
      <footer class="dialog-foot">
        <Problem failure={failure} onRetry={run} />
        <button type="button" onClick={back}>
          {t('cancel')}
        </button>
        <button
          type="submit"
          class={isFinal(change) ? 'danger' : 'primary'}
          aria-disabled={busy || !mayRun}
        >
          {t(busy ? 'working' : `${change}_do`)}
        </button>
      </footer>
    </form>
  )
}
