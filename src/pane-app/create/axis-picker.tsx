import { useState } from 'preact/hooks'
import type { AxisName, ScopeValue } from '../base/model.ts'
import { usePane } from '../base/pane.ts'
import { Choice, Group, NO_MANAGERS } from '../parts/fields.tsx'

const MAX_NAME_LENGTH = 128
// More names than fit without a search field.
const MANY = 8

interface AxisProps {
  readonly axis: AxisName
  readonly value: ScopeValue
  readonly onValue: (value: ScopeValue) => void
  readonly error?: string | undefined
}

interface NamesProps extends AxisProps {
  readonly names: readonly string[]
}

const without = (names: readonly string[], name: string) => names.filter((each) => each !== name)

/** Check boxes for names that are known. */
function Known({ axis, value, onValue, names }: NamesProps) {
  const { t } = usePane()
  const [sought, setSought] = useState('')
  const chosen = value === '*' ? [] : value
  const shown = names.filter((name) => name.toLowerCase().includes(sought.toLowerCase()))
  return (
    <>
      {names.length > MANY && (
        <input
          type="search"
          {...NO_MANAGERS}
          aria-label={t('find_in', { axis: t(axis) })}
          placeholder={t('find_in', { axis: t(axis) })}
          value={sought}
          onInput={({ currentTarget }) => setSought(currentTarget.value)}
        />
      )}
      <div class="choices">
        {shown.map((name) => (
          <Choice
            key={name}
            type="checkbox"
            isChosen={chosen.includes(name)}
            onChoose={(isChosen) => onValue(isChosen ? [...chosen, name] : without(chosen, name))}
            label={name}
          />
        ))}
      </div>
    </>
  )
}

/** A field that turns each typed name into a tag. */
function Free({ axis, value, onValue }: AxisProps) {
  const { t } = usePane()
  const [typed, setTyped] = useState('')
  const names = value === '*' ? [] : value
  const add = () => {
    const added = typed.split(/[\s,;]+/).filter((name) => name !== '' && !names.includes(name))
    setTyped('')
    if (added.length > 0) onValue([...names, ...new Set(added)])
  }
  return (
    <div class="tags">
      {names.map((name) => (
        <span class="tag" key={name}>
          {name}
          <button
            type="button"
            aria-label={t('remove', { name })}
            onClick={() => onValue(without(names, name))}
          >
            <svg viewBox="0 0 16 16" width="12" height="12" aria-hidden="true">
              <path d="M4 4l8 8M12 4l-8 8" />
            </svg>
          </button>
        </span>
      ))}
      <input
        {...NO_MANAGERS}
        aria-label={t('add_to', { axis: t(axis) })}
        placeholder={names.length === 0 ? t('type_names') : ''}
        maxLength={MAX_NAME_LENGTH}
        value={typed}
        onInput={({ currentTarget }) => setTyped(currentTarget.value)}
        onBlur={add}
        onKeyDown={(event) => {
          // Escape closes the form, which keeps the names only.
          if (event.key === 'Escape') return add()
          if (event.key === 'Backspace' && typed === '') onValue(names.slice(0, -1))
          if ((event.key !== 'Enter' && event.key !== ',') || typed.trim() === '') return
          event.preventDefault()
          add()
        }}
      />
    </div>
  )
}

/** The names from which an axis can be chosen. Undefined if they are not known. */
function useNames(axis: AxisName): readonly string[] | undefined {
  const { session } = usePane()
  const grantable = session.grantable[axis]
  if (grantable !== '*') return grantable
  return axis === 'environments' && session.environments !== '*' ? session.environments : undefined
}

/** The box that chooses everything: all names that will ever exist, or all that are listed. */
function All({
  axis,
  value,
  onValue,
  names,
}: AxisProps & { names?: readonly string[] | undefined }) {
  const { t, session } = usePane()
  if (session.grantable[axis] === '*')
    return (
      <Choice
        type="checkbox"
        isChosen={value === '*'}
        onChoose={(isChosen) => onValue(isChosen ? '*' : [])}
        label={t(`all_${axis}`)}
      />
    )
  if (names === undefined || names.length < 2) return null
  return (
    <Choice
      type="checkbox"
      isChosen={names.every((name) => value.includes(name))}
      onChoose={(isChosen) => onValue(isChosen ? names : [])}
      label={t('all_listed')}
    />
  )
}

/** Chooses one axis of a scope within what the person may grant. */
export function AxisPicker(props: AxisProps) {
  const { axis, value, error } = props
  const { t } = usePane()
  const names = useNames(axis)
  const isFree = names === undefined
  return (
    <Group legend={t(axis)} hint={t(`note_${axis}`)} error={error}>
      <All {...props} names={names} />
      {value !== '*' && (isFree ? <Free {...props} /> : <Known {...props} names={names} />)}
    </Group>
  )
}
