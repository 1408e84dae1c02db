import { useState } from 'preact/hooks'
import { useAction } from '../base/action.ts'
import { api } from '../base/api.ts'
import type { ApiKey, SecretInfo, Slot } from '../base/model.ts'
import { usePane } from '../base/pane.ts'
import { NameCheck } from '../parts/fields.tsx'
import { Problem } from '../parts/problem.tsx'
import { Time } from '../parts/time.tsx'
import { isInUse } from './idle.ts'

interface RenewButtonProps {
  readonly of: ApiKey
  readonly slot: Slot
  /** Whether this is the recommended secret. */
  readonly isMain: boolean
  readonly onRenewed: () => void
}

/** Warns that callers of a secret will fail. */
export function InUse({ secret }: { secret: SecretInfo }) {
  const { rich } = usePane()
  if (secret.lastUsedAt === null) return null
  return (
    <p class="warning">
      {rich('in_use', {
        hint: <code>{secret.hint}</code>,
        time: <Time at={secret.lastUsedAt} />,
      })}
    </p>
  )
}

/** Renews one secret. If callers use it, the name of the key must be typed first. */
export function RenewButton({ of: key, slot, isMain, onRenewed }: RenewButtonProps) {
  const { t, now, idleAfter, keys, show } = usePane()
  const [isAsking, setAsking] = useState(false)
  const [typed, setTyped] = useState('')
  const { busy, failure, run } = useAction(key)
  const secret = key[slot] ?? key.primary
  const mustAsk = isInUse(secret, now, idleAfter)
  const renew = async () => {
    const outcome = await run(() => api.renew(key, slot))
    if (outcome === undefined) return
    setAsking(false)
    setTyped('')
    onRenewed()
    keys.put(outcome.value.key)
    show(outcome.value)
  }
  if (mustAsk && isAsking)
    return (
      <form
        class="ask"
        onSubmit={(event) => {
          event.preventDefault()
          if (typed === key.name) void renew()
        }}
      >
        <InUse secret={secret} />
        <NameCheck name={key.name} typed={typed} onText={setTyped} />
        <Problem failure={failure} onRetry={renew} />
        <div class="actions">
          <button type="submit" class="danger" aria-disabled={busy || typed !== key.name}>
            {t(busy ? 'working' : `renew_${slot}`)}
          </button>
          <button type="button" onClick={() => setAsking(false)}>
            {t('cancel')}
          </button>
        </div>
      </form>
    )
  return (
    <div class="ask">
      <button
        type="button"
        class={isMain ? 'primary' : 'quiet'}
        aria-disabled={busy}
        onClick={() => (mustAsk ? setAsking(true) : renew())}
      >
        {t(busy ? 'working' : isMain ? `renew_${slot}` : `renew_${slot}_instead`)}
      </button>
      <Problem failure={failure} onRetry={mustAsk ? undefined : renew} />
    </div>
  )
}
