import { useId, useState } from 'preact/hooks'
import { useAction } from '../base/action.ts'
import { api } from '../base/api.ts'
import type { ApiKey, SecretInfo } from '../base/model.ts'
import { usePane } from '../base/pane.ts'
import type { TextKey } from '../base/text.ts'
import { Choice, Group, NameCheck } from '../parts/fields.tsx'
import { Pair } from '../parts/pair.tsx'
import { Problem } from '../parts/problem.tsx'
import { Time } from '../parts/time.tsx'
import { isInUse } from './idle.ts'
import { InUse } from './renew-button.tsx'

const HOUR = 3600
const DAY = 24 * HOUR

/** How long the old secret may still work, in seconds, each with its name. */
const GRACES: readonly (readonly [seconds: number, label: TextKey])[] = [
  [0, 'grace_now'],
  [15 * 60, 'grace_15_minutes'],
  [HOUR, 'grace_1_hour'],
  [DAY, 'grace_24_hours'],
  [7 * DAY, 'grace_7_days'],
]

/** The old secret, while it still works. */
function endingOf({ secondary }: ApiKey, now: number): SecretInfo | undefined {
  if (secondary === null || secondary.expiresAt === null) return undefined
  return secondary.expiresAt > now ? secondary : undefined
}

/** A question before something that makes callers fail: the button, then the name of the key. */
function Risky({
  of: key,
  secret,
  label,
  look,
  request,
}: {
  of: ApiKey
  /** The secret that stops working. */
  secret: SecretInfo | undefined
  label: string
  look: 'primary' | 'plain'
  request: () => Promise<void>
}) {
  const { t, now, idleAfter } = usePane()
  const [typed, setTyped] = useState<string>()
  const mustAsk = secret !== undefined && isInUse(secret, now, idleAfter)
  const isReady = !mustAsk || typed === key.name
  const submit = (event: Event) => {
    event.preventDefault()
    if (!isReady) return setTyped(typed ?? '')
    void request()
  }
  const isAsking = mustAsk && typed !== undefined
  return (
    <form class="ask" onSubmit={submit}>
      {isAsking && (
        <>
          <InUse secret={secret} />
          <NameCheck name={key.name} typed={typed} onText={setTyped} />
        </>
      )}
      <div class="actions">
        <button
          type="submit"
          class={isAsking ? 'danger' : look}
          aria-disabled={isAsking && !isReady}
        >
          {label}
        </button>
        {isAsking && (
          <button type="button" onClick={() => setTyped(undefined)}>
            {t('cancel')}
          </button>
        )}
      </div>
    </form>
  )
}

/** The old secret in its grace, and the button that ends it. */
function Ending({ of: key, secret }: { of: ApiKey; secret: SecretInfo }) {
  const { t, rich, keys } = usePane()
  const { busy, failure, run } = useAction(key)
  const end = async () => {
    const outcome = await run(() => api.endSecondary(key))
    if (outcome !== undefined) keys.put(outcome.value)
  }
  return (
    <section class="advice">
      <p>
        {rich('old_ends', {
          hint: <code>{secret.hint}</code>,
          time: <Time at={secret.expiresAt ?? 0} />,
        })}
      </p>
      <p class="muted">
        {secret.lastUsedAt === null
          ? t('it_was_not_used')
          : rich('it_was_used', { time: <Time at={secret.lastUsedAt} /> })}
      </p>
      <Risky
        of={key}
        secret={secret}
        look="plain"
        label={t(busy ? 'working' : 'end_now')}
        request={end}
      />
      <Problem failure={failure} onRetry={end} />
    </section>
  )
}

/** Adds a second secret to a key that has one. The first secret keeps working. */
function AddSecond({ of: key }: { of: ApiKey }) {
  const { t, keys, show, session } = usePane()
  const { busy, failure, run } = useAction(key)
  if (session.policy.secrets === 1) return null
  const add = async () => {
    const outcome = await run(() => api.renew(key, 'secondary'))
    if (outcome === undefined) return
    keys.put(outcome.value.key)
    show(outcome.value)
  }
  return (
    <section class="advice">
      <p class="muted">{t('add_second_note')}</p>
      <button type="button" class="quiet" aria-disabled={busy} onClick={add}>
        {t(busy ? 'working' : 'add_second')}
      </button>
      <Problem failure={failure} onRetry={add} />
    </section>
  )
}

function GracePicker({ value, onValue }: { value: number; onValue: (seconds: number) => void }) {
  const { t } = usePane()
  const name = useId()
  return (
    <Group legend={t('grace')} note={t(value === 0 ? 'grace_now_note' : 'grace_note')}>
      <div class="choices">
        {GRACES.map(([seconds, label]) => (
          <Choice
            key={seconds}
            type="radio"
            name={name}
            isChosen={value === seconds}
            onChoose={() => onValue(seconds)}
            label={t(label)}
          />
        ))}
      </div>
    </Group>
  )
}

/** Replaces the only lasting secret of a key. The old one works on for a while. */
export function Rotate({ of: key }: { of: ApiKey }) {
  const { t, rich, now, keys, show } = usePane()
  const [graceSeconds, setGrace] = useState(DAY)
  const { busy, failure, run } = useAction(key)
  const ending = endingOf(key, now)
  const rotate = async () => {
    const outcome = await run(() =>
      api.rotate(key, { graceSeconds, ...(ending && { replace: 'secondary' }) }),
    )
    if (outcome === undefined) return
    keys.put(outcome.value.key)
    show(outcome.value)
  }
  return (
    <div class="dialog-body">
      <Pair of={key} isBig />
      {ending === undefined ? (
        <p class="advice">{t('rotate_note')}</p>
      ) : (
        <Ending of={key} secret={ending} />
      )}
      {ending !== undefined && <h3>{t('again')}</h3>}
      <GracePicker value={graceSeconds} onValue={setGrace} />
      {ending !== undefined && (
        <p class="muted">{rich('rotate_ends', { hint: <code>{ending.hint}</code> })}</p>
      )}
      <Risky
        of={key}
        secret={graceSeconds === 0 ? key.primary : ending}
        look={ending === undefined ? 'primary' : 'plain'}
        label={t(busy ? 'working' : ending === undefined ? 'rotate_do' : 'rotate_again')}
        request={rotate}
      />
      <Problem failure={failure} onRetry={rotate} />
      {ending === undefined && <AddSecond of={key} />}
    </div>
  )
}
