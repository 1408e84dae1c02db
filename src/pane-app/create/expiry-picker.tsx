import { useId } from 'preact/hooks'
import { usePane } from '../base/pane.ts'
import { Choice, Group, NO_MANAGERS } from '../parts/fields.tsx'
import { dayOf, type Expiry, expiryTime, lifetimes } from './expiry.ts'

interface ExpiryProps {
  readonly value: Expiry
  readonly onValue: (value: Expiry) => void
  /** With a key that exists: its expiry, which can be kept. */
  readonly current?: number | null
  readonly error?: string | undefined
}

/** The field for a day of one's own. */
function DayField({ value, onValue }: ExpiryProps) {
  const { t, now, session } = usePane()
  const { maxExpiresInSeconds: max } = session.policy
  return (
    <input
      type="date"
      {...NO_MANAGERS}
      class="day"
      aria-label={t('expiry_day')}
      min={dayOf(now)}
      max={max === undefined ? undefined : dayOf(now + max * 1000)}
      value={value.kind === 'on' ? value.day : ''}
      onInput={({ currentTarget }) => onValue({ kind: 'on', day: currentTarget.value })}
    />
  )
}

/** Chooses when a key expires, within the policy. */
export function ExpiryPicker(props: ExpiryProps) {
  const { value, onValue, current, error } = props
  const { t, format, now, session } = usePane()
  const name = useId()
  const choice = (label: string, isChosen: boolean, next: Expiry) => (
    <Choice
      type="radio"
      name={name}
      isChosen={isChosen}
      onChoose={() => onValue(next)}
      label={label}
    />
  )
  const at = expiryTime(value, now, session.policy)
  const note =
    value.kind === 'keep' || typeof at !== 'number'
      ? undefined
      : t('expires_on', { day: format.day(at) })
  return (
    <Group legend={t('expires')} note={note} error={error}>
      <div class="choices">
        {current !== undefined &&
          choice(
            current === null ? t('keep_never') : t('keep_day', { day: format.day(current) }),
            value.kind === 'keep',
            { kind: 'keep' },
          )}
        {lifetimes(session.policy).map((seconds) =>
          choice(format.duration(seconds), value.kind === 'after' && value.seconds === seconds, {
            kind: 'after',
            seconds,
          }),
        )}
        {choice(t('expiry_custom'), value.kind === 'on', { kind: 'on', day: '' })}
        {session.policy.maxExpiresInSeconds === undefined &&
          choice(t('never'), value.kind === 'never', { kind: 'never' })}
      </div>
      {value.kind === 'on' && <DayField {...props} />}
    </Group>
  )
}
