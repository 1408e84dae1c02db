import { useEffect } from 'preact/hooks'
import type { Draft } from '../base/draft.ts'
import { usePane } from '../base/pane.ts'

/** Asks before the page is left, as long as this is shown. */
export function LeaveGuard() {
  useEffect(() => {
    const ask = (event: BeforeUnloadEvent) => event.preventDefault()
    addEventListener('beforeunload', ask)
    return () => removeEventListener('beforeunload', ask)
  }, [])
  return null
}

/** Says that a form still has the text that was typed before, and offers to start over. */
export function Kept({ of }: { of: Draft<object> }) {
  const { t } = usePane()
  return (
    <>
      {of.isDirty && <LeaveGuard />}
      {of.isKept && (
        <p class="note">
          {t('kept')}{' '}
          <button
            type="button"
            class="link"
            onClick={({ currentTarget }) => {
              currentTarget.form?.querySelector<HTMLElement>('[data-focus]')?.focus()
              of.restart()
            }}
          >
            {t('start_over')}
          </button>
        </p>
      )}
    </>
  )
}
