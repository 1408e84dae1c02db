import { useState } from 'preact/hooks'
import { usePane } from './pane.ts'

/** The state of a form. It outlives the dialog of the form, so that no key or click loses it. */
export interface Draft<T> {
  readonly value: T
  /** Whether the form was opened with a state from before. */
  readonly isKept: boolean
  /** Whether the form would lose something if the page were left now. */
  readonly isDirty: boolean
  set(value: T): void
  /** Forgets the state when the form has done its work. The form still shows it. */
  forget(): void
  /** Resets the form. */
  restart(): void
}

/** Creates the state of a form, or takes over the one that it had when it was closed. */
export function useDraft<T extends object>(name: string, first: () => T): Draft<T> {
  const { drafts } = usePane()
  const [isKept, setKept] = useState(() => drafts.has(name))
  const [value, setValue] = useState(() => (drafts.get(name) as T | undefined) ?? first())
  return {
    value,
    isKept,
    isDirty: drafts.has(name),
    set(next) {
      drafts.set(name, next)
      setValue(next)
    },
    forget: () => void drafts.delete(name),
    restart() {
      drafts.delete(name)
      setKept(false)
      setValue(first())
    },
  }
}
