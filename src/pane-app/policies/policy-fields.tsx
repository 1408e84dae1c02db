import { useRef } from 'preact/hooks'
import type { ApiKey, Failure } from '../base/model.ts'
import { usePane } from '../base/pane.ts'
import { Choice, Group } from '../parts/fields.tsx'
import { LimitList } from './limit-list.tsx'
import { LimitsPicker } from './limits-picker.tsx'
import { NetworksPicker } from './networks-picker.tsx'
import { type PolicyForm, refusalText, refusedField } from './policy-form.ts'
import { allowedNetworks, asksForTokens, mayLimit } from './rights.ts'

/** What the server says about the fields. */
export interface Refusals {
  readonly limits: string | undefined
  readonly networks: string | undefined
  /** A failure that belongs to no field. */
  readonly other: Failure | undefined
}

/** Keeps what the server says about a field until the field changes. */
export function useRefusals(failure: Failure | undefined, form: PolicyForm): Refusals {
  const { t } = usePane()
  const refused = useRef({ failure, form })
  if (refused.current.failure !== failure) refused.current = { failure, form }
  const field = refusedField(failure)
  const text = failure?.code === 'not_grantable' ? t('networks_refused') : refusalText(failure)
  const of = (each: 'limits' | 'networks') =>
    each === field && refused.current.form[each] === form[each] ? text : undefined
  return {
    limits: of('limits'),
    networks: of('networks'),
    other: field === undefined ? failure : undefined,
  }
}

interface PolicyProps {
  readonly value: PolicyForm
  readonly onValue: (change: Partial<PolicyForm>) => void
  readonly refusals: Refusals
  /** The names of the fields that are not filled in. */
  readonly errors: ReadonlySet<string>
  /** Undefined for a new key. */
  readonly of?: ApiKey
}

/** The fields for networks, limits and tokens. Shows only what the person may change. */
export function PolicyFields(props: PolicyProps) {
  const { value, onValue, refusals, errors, of: key } = props
  const { t, session } = usePane()
  const errorOf = (field: 'limits' | 'networks', text: string) =>
    errors.has(field) ? text : refusals[field]
  // The limits that a new key gets. A key that exists shows its limits elsewhere.
  const fixed = key === undefined && session.policy.limits
  return (
    <>
      <NetworksPicker
        value={value.networks}
        onValue={(networks) => onValue({ networks })}
        error={errorOf('networks', t('networks_missing'))}
        allowed={allowedNetworks(session, key)}
      />
      {mayLimit(session) && (
        <LimitsPicker
          value={value.limits}
          onValue={(limits) => onValue({ limits })}
          error={errorOf('limits', t('limit_missing'))}
        />
      )}
      {fixed && fixed.length > 0 && (
        <Group legend={t('limits')} hint={t('note_limits')}>
          <LimitList limits={fixed} />
        </Group>
      )}
      {asksForTokens(session, value, key) && (
        <Group legend={t('tokens')}>
          <Choice
            type="checkbox"
            isChosen={value.tokens}
            onChoose={(tokens) => onValue({ tokens })}
            label={t('tokens_choice')}
            note={t('tokens_note')}
          />
        </Group>
      )}
    </>
  )
}
