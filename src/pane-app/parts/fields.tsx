import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'
import { usePane } from '../base/pane.ts'

/** Keeps browsers and password managers from storing what is typed. */
export const NO_MANAGERS = {
  autoComplete: 'off',
  autoCapitalize: 'none',
  spellcheck: false,
  'data-1p-ignore': '',
  'data-lpignore': 'true',
} as const

interface FieldProps {
  readonly label: ComponentChildren
  readonly note?: ComponentChildren
  readonly error?: string | undefined
  readonly value: string
  readonly onText: (text: string) => void
  readonly maxLength?: number
  readonly 'data-focus'?: boolean
}

/** A labelled text field with its note and its error. */
export function Field({ label, note, error, onText, ...input }: FieldProps) {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        {...NO_MANAGERS}
        {...input}
        id={id}
        aria-invalid={error !== undefined}
        aria-describedby={note || error ? `${id}-note` : undefined}
        onInput={({ currentTarget }) => onText(currentTarget.value)}
      />
      {(error || note) && (
        <p id={`${id}-note`} class={error ? 'field-error' : 'muted'}>
          {error ?? note}
        </p>
      )}
    </div>
  )
}

interface GroupProps {
  readonly legend: ComponentChildren
  /** A few words beside the legend. */
  readonly hint?: ComponentChildren
  readonly note?: ComponentChildren
  readonly error?: string | undefined
  readonly children: ComponentChildren
}

/** A group of fields with a heading. */
export function Group({ legend, hint, note, error, children }: GroupProps) {
  const id = useId()
  return (
    <fieldset class="field" aria-describedby={note || error ? id : undefined}>
      <legend>
        {legend}
        {hint && <span class="legend-hint"> {hint}</span>}
      </legend>
      {children}
      {(error || note) && (
        <p id={id} class={error ? 'field-error' : 'muted'} data-error={error ? '' : undefined}>
          {error ?? note}
        </p>
      )}
    </fieldset>
  )
}

interface ChoiceProps {
  readonly type: 'radio' | 'checkbox'
  readonly name?: string
  readonly isChosen: boolean
  readonly onChoose: (isChosen: boolean) => void
  readonly label: ComponentChildren
  readonly note?: ComponentChildren
  readonly isDisabled?: boolean
}

/** A radio button or check box with its label. */
export function Choice({ type, name, isChosen, onChoose, label, note, isDisabled }: ChoiceProps) {
  return (
    <label class={note ? 'choice choice-noted' : 'choice'}>
      <input
        type={type}
        name={name}
        checked={isChosen}
        disabled={isDisabled}
        onChange={({ currentTarget }) => onChoose(currentTarget.checked)}
      />
      <span>
        {label}
        {note && <span class="muted choice-note">{note}</span>}
      </span>
    </label>
  )
}

const WRONG =
  '[aria-invalid="true"], fieldset:has([data-error]):not(:has([aria-invalid="true"])) input'

/**
 * Moves the focus to the first field that is wrong: after each attempt to send the form, and when
 * the server refuses a field.
 *
 * @returns The form.
 */
export function useFocusOnWrong(
  attempts: number,
  { limits, networks }: { limits: string | undefined; networks: string | undefined },
) {
  const form = useRef<HTMLFormElement>(null)
  useEffect(() => {
    if (attempts > 0) form.current?.querySelector<HTMLElement>(WRONG)?.focus()
  }, [attempts, limits, networks])
  return form
}

interface NameCheckProps {
  readonly name: string
  readonly typed: string
  readonly onText: (text: string) => void
}

/** Asks for the name of a key before something that harms its callers. */
export function NameCheck({ name, typed, onText }: NameCheckProps) {
  const { rich } = usePane()
  return (
    <Field
      label={rich('type_name', { name: <b class="mono">{name}</b> })}
      value={typed}
      onText={onText}
      data-focus
    />
  )
}
