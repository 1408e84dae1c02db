import { useId, useState } from 'preact/hooks'
import { useAction } from '../base/action.ts'
import { api } from '../base/api.ts'
import type { Answer, ApiKey, Issued, SecretInfo, Slot } from '../base/model.ts'
import { usePane } from '../base/pane.ts'
import { Choice, Group, NameCheck } from '../parts/fields.tsx'
import { UseText } from '../parts/pair.tsx'
import { Problem } from '../parts/problem.tsx'
import { hasPair, isInUse, useOf } from './idle.ts'
import { InUse } from './renew-button.tsx'

type Leaked = Slot | 'both'

/** The secrets that still work, with their slots. */
function useLive(key: ApiKey): readonly (readonly [Slot, SecretInfo])[] {
  const { now } = usePane()
  const slots: readonly (readonly [Slot, SecretInfo | null])[] = [
    ['primary', key.primary],
    ['secondary', key.secondary],
  ]
  return slots.flatMap(([slot, secret]) =>
    secret === null || (secret.expiresAt !== null && secret.expiresAt <= now)
      ? []
      : [[slot, secret] as const],
  )
}

/** Replaces the leaked secrets. A secret in its grace is ended without a new one. */
async function replace(key: ApiKey, leaked: Leaked): Promise<Answer<ApiKey | Issued>> {
  if (hasPair(key)) return api.renew(key, leaked)
  if (leaked === 'secondary') return api.endSecondary(key)
  if (leaked === 'both') return api.rotate(key, { graceSeconds: 0, replace: 'secondary' })
  return api.renew(key, 'primary')
}

function Which({
  of: key,
  live,
  value,
  onValue,
}: {
  of: ApiKey
  live: readonly (readonly [Slot, SecretInfo])[]
  value: Leaked | undefined
  onValue: (leaked: Leaked) => void
}) {
  const { t, now, idleAfter } = usePane()
  const name = useId()
  return (
    <Group legend={t('leak_which')}>
      {live.map(([slot, secret]) => (
        <Choice
          key={slot}
          type="radio"
          name={name}
          isChosen={value === slot}
          onChoose={() => onValue(slot)}
          label={
            <>
              {t(slot)} <code class="hint">····{secret.hint}</code>
            </>
          }
          note={<UseText secret={secret} use={useOf(key, secret, now, idleAfter)} />}
        />
      ))}
      {live.length > 1 && (
        <Choice
          type="radio"
          name={name}
          isChosen={value === 'both'}
          onChoose={() => onValue('both')}
          label={t('leak_both')}
          note={t('leak_both_note')}
        />
      )}
    </Group>
  )
}

function DisableFirst({ of: { id, state } }: { of: ApiKey }) {
  const { t, go, can } = usePane()
  if (state !== 'active' || !can('disable')) return null
  return (
    <p class="note">
      {t('leak_disable')}{' '}
      <button type="button" class="link" onClick={() => go({ at: 'key', id, screen: 'disable' })}>
        {t('disable_menu')}
      </button>
    </p>
  )
}

/** Helps after a leak: finds out which secret it was and replaces it. */
export function Leak({ of: key }: { of: ApiKey }) {
  const { t, now, idleAfter, keys, show, back } = usePane()
  const live = useLive(key)
  const [chosen, setChosen] = useState<Leaked | undefined>(
    live.length === 1 ? 'primary' : undefined,
  )
  const [typed, setTyped] = useState('')
  const { busy, failure, run } = useAction(key)
  const hit = live.filter(([slot]) => chosen === slot || chosen === 'both')
  const inUse = hit.filter(([, secret]) => isInUse(secret, now, idleAfter))
  const mayRun = chosen !== undefined && (inUse.length === 0 || typed === key.name)
  const submit = async (event?: Event) => {
    event?.preventDefault()
    if (chosen === undefined || !mayRun) return
    const outcome = await run(() => replace(key, chosen))
    if (outcome === undefined) return
    const { value } = outcome
    keys.put('key' in value ? value.key : value)
    if ('key' in value) show(value)
    back()
  }
  const ends = chosen === 'secondary' && !hasPair(key)
  return (
    <form class="dialog-form" onSubmit={submit}>
      <div class="dialog-body">
        <p>{t('leak_note')}</p>
        <DisableFirst of={key} />
        <Which of={key} live={live} value={chosen} onValue={setChosen} />
        {inUse.map(([slot, secret]) => (
          <InUse key={slot} secret={secret} />
        ))}
        {inUse.length > 0 && <NameCheck name={key.name} typed={typed} onText={setTyped} />}
      </div>
      <footer class="dialog-foot">
        <Problem failure={failure} onRetry={submit} />
        <button type="button" onClick={back}>
          {t('cancel')}
        </button>
        <button
          type="submit"
          class={inUse.length > 0 ? 'danger' : 'primary'}
          aria-disabled={busy || !mayRun}
        >
          {t(busy ? 'working' : ends ? 'end_now' : chosen === 'both' ? 'leak_do_both' : 'leak_do')}
        </button>
      </footer>
    </form>
  )
}
