import { useId } from 'preact/hooks'
import { usePane } from '../base/pane.ts'
import { Choice, Group, NO_MANAGERS } from '../parts/fields.tsx'
import type { NetworksForm } from './policy-form.ts'

interface NetworksProps {
  readonly value: NetworksForm
  readonly onValue: (value: NetworksForm) => void
  readonly error?: string | undefined
  /** The networks within which they must stay; null for all. */
  readonly allowed: readonly string[] | null
}

/** Chooses the networks from which a key works, within those that are allowed. */
export function NetworksPicker({ value, onValue, error, allowed }: NetworksProps) {
  const { t, format } = usePane()
  const name = useId()
  const within = allowed && t('networks_within', { networks: format.names(allowed) })
  const isOnly = value.kind === 'only'
  const note = [isOnly && t('networks_note'), within].filter(Boolean).join(' ')
  const choice = (kind: NetworksForm['kind'], label: string) => (
    <Choice
      type="radio"
      name={name}
      isChosen={value.kind === kind}
      onChoose={() => onValue({ ...value, kind })}
      label={label}
    />
  )
  return (
    <Group legend={t('networks')} hint={t('note_networks')} note={note} error={error}>
      <div class="choices">
        {choice('any', t(allowed === null ? 'any_network' : 'allowed_networks'))}
        {choice('only', t('only_networks'))}
      </div>
      {isOnly && (
        <textarea
          {...NO_MANAGERS}
          class="mono"
          rows={3}
          aria-label={t('only_networks')}
          aria-invalid={error !== undefined}
          value={value.text}
          onInput={({ currentTarget }) => onValue({ ...value, text: currentTarget.value })}
        />
      )}
    </Group>
  )
}
