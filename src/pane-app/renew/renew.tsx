import { useEffect, useState } from 'preact/hooks'
import type { ApiKey, SecretInfo, Slot } from '../base/model.ts'
import { usePane } from '../base/pane.ts'
import { Pair } from '../parts/pair.tsx'
import { Time } from '../parts/time.tsx'
import { hasPair, isInUse, renewalOf, useOf } from './idle.ts'
import { RenewButton } from './renew-button.tsx'
import { Rotate } from './rotate.tsx'

const REFRESH_MS = 30_000

const otherOf = (slot: Slot): Slot => (slot === 'primary' ? 'secondary' : 'primary')

/** Reads the key again now and then, so that the last uses stay true. */
function useRefresh(id: string) {
  const { keys } = usePane()
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') void keys.reload(id)
    }, REFRESH_MS)
    return () => clearInterval(timer)
  }, [id])
}

/** The three positions of a renewal. */
function Steps({ at }: { at: 1 | 2 | 3 }) {
  const { t } = usePane()
  const step = (number: 1 | 2 | 3, label: string) => (
    <li
      class={number < at ? 'step step-done' : number === at ? 'step step-now' : 'step'}
      aria-current={number === at ? 'step' : undefined}
    >
      {label}
    </li>
  )
  return (
    <ol class="steps">
      {step(1, t('step_renew'))}
      {step(2, t('step_move'))}
      {step(3, t('step_other'))}
    </ol>
  )
}

/** When the other secret was last used, until it is idle. */
function OldSecret({ secret }: { secret: SecretInfo }) {
  const { t, rich, now, idleAfter } = usePane()
  const { hint, lastUsedAt } = secret
  if (lastUsedAt === null) return <>{t('old_never_used', { hint })}</>
  const time = <Time at={lastUsedAt} />
  return (
    <>
      {rich(isInUse(secret, now, idleAfter) ? 'old_last_used' : 'old_idle', {
        hint: <code>{hint}</code>,
        time,
      })}
    </>
  )
}

/** What the person should do next, in a sentence or two. */
function Advice({ of: key, renewed }: { of: ApiKey; renewed: Slot | undefined }) {
  const { t, rich, now, idleAfter } = usePane()
  const { step, target, moveTo } = renewalOf(key, now, idleAfter)
  const secretOf = (slot: Slot) => key[slot] ?? key.primary
  const moved = renewed ?? (step === 1 ? moveTo : undefined)
  if (moved !== undefined)
    return (
      <div class="advice" role="status">
        <p>{rich('move_to', { hint: <code>{secretOf(moved).hint}</code> })}</p>
        <p class="muted">
          <OldSecret secret={secretOf(otherOf(moved))} />
        </p>
      </div>
    )
  if (target === undefined) return <p class="advice">{t('both_in_use')}</p>
  const other = secretOf(otherOf(target))
  const hint = <code>{secretOf(target).hint}</code>
  return (
    <div class="advice">
      <p>
        {rich('renew_replaces', { hint })}{' '}
        {rich(isInUse(other, now, idleAfter) ? 'other_in_use' : 'other_works', {
          hint: <code>{other.hint}</code>,
        })}
      </p>
      <p class="muted">
        {useOf(key, secretOf(target), now, idleAfter) === 'new'
          ? t('late_use')
          : rich('rare_callers', { hint })}
      </p>
    </div>
  )
}

/** The buttons of both secrets: the recommended one first. */
function Buttons({
  of: key,
  renewed,
  onRenewed,
}: {
  of: ApiKey
  renewed: Slot | undefined
  onRenewed: (slot: Slot) => void
}) {
  const { t, now, idleAfter, back } = usePane()
  const { target } = renewalOf(key, now, idleAfter)
  const main = renewed === undefined ? target : undefined
  const order: Slot[] =
    renewed !== undefined
      ? [otherOf(renewed)]
      : main === 'primary'
        ? ['primary', 'secondary']
        : ['secondary', 'primary']
  return (
    <div class="renew-buttons">
      {renewed !== undefined && (
        <button type="button" class="primary" onClick={back}>
          {t('later')}
        </button>
      )}
      {order.map((slot) => (
        <RenewButton
          key={slot}
          of={key}
          slot={slot}
          isMain={slot === main}
          onRenewed={() => onRenewed(slot)}
        />
      ))}
    </div>
  )
}

/** The guided renewal of a key with two secrets. */
function Guided({ of: key }: { of: ApiKey }) {
  const { t, now, idleAfter } = usePane()
  const [renewed, setRenewed] = useState<Slot>()
  const { step, moveTo } = renewalOf(key, now, idleAfter)
  // A new secret beside an idle one: the callers have moved.
  const isMoved = step === 2 && moveTo !== undefined
  const place = renewed !== undefined || step === 1 ? 2 : isMoved ? 3 : 1
  return (
    <div class="dialog-body">
      <Steps at={place} />
      <Pair of={key} isBig />
      <Advice of={key} renewed={renewed} />
      <Buttons of={key} renewed={renewed} onRenewed={setRenewed} />
      {key.expiresAt !== null && <p class="muted">{t('expiry_stays')}</p>}
    </div>
  )
}

/** Replaces a secret: guided with two of them, with a grace with one. */
export function Renew({ of: key }: { of: ApiKey }) {
  const { t } = usePane()
  useRefresh(key.id)
  if (key.state === 'revoked') return <p class="dialog-body">{t('error_key_revoked')}</p>
  return hasPair(key) ? <Guided of={key} /> : <Rotate of={key} />
}
