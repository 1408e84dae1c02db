import type { ComponentChildren } from 'preact'
import { useEffect, useId, useLayoutEffect, useRef } from 'preact/hooks'
import { usePane } from '../base/pane.ts'

interface DialogProps {
  readonly kind: 'sheet' | 'modal' | 'once'
  readonly title: ComponentChildren
  /** Where the focus goes at the end if the element that had it is gone. */
  readonly row?: string | undefined
  /** Absent for a dialog that only its own button closes. */
  readonly onClose?: () => void
  /** Changes with the content: then the focus moves to the heading or the first field. */
  readonly screen: string
  readonly children: ComponentChildren
}

function focusIn(dialog: HTMLElement) {
  const target = dialog.querySelector<HTMLElement>('[data-focus]') ?? dialog.querySelector('h2')
  target?.focus()
}

function giveBackFocus(before: Element | null, row: string | undefined) {
  const target =
    before?.isConnected && before !== document.body
      ? before
      : (document.querySelector(`[data-row="${row}"]`) ?? document.querySelector('h1'))
  if (target instanceof HTMLElement) target.focus()
}

/** Opens the native dialog and returns the focus at the end. */
function useModal(row: string | undefined, screen: string) {
  const ref = useRef<HTMLDialogElement>(null)
  const lastRow = useRef(row)
  lastRow.current = row
  const isMounted = useRef(true)
  useLayoutEffect(() => {
    const dialog = ref.current
    const before = document.activeElement
    dialog?.showModal()
    return () => {
      isMounted.current = false
      dialog?.close()
      // The list may get the row in the same change.
      requestAnimationFrame(() => {
        if (document.querySelector('dialog[open]') === null) giveBackFocus(before, lastRow.current)
      })
    }
  }, [])
  useEffect(() => {
    if (ref.current !== null) focusIn(ref.current)
  }, [screen])
  return { ref, isMounted }
}

/** A native modal dialog: a sheet at the side, a small one in the middle, or the one for secrets. */
export function Dialog({ kind, title, row, onClose, screen, children }: DialogProps) {
  const { t } = usePane()
  const titleId = useId()
  const { ref, isMounted } = useModal(row, screen)
  return (
    <dialog
      ref={ref}
      class={`dialog ${kind}`}
      role={kind === 'once' ? 'alertdialog' : undefined}
      aria-labelledby={titleId}
      onCancel={(event) => {
        if (event.target !== event.currentTarget) return
        event.preventDefault()
        onClose?.()
      }}
      onClose={({ currentTarget }) => {
        if (!isMounted.current) return
        // The browser closed it by force.
        if (onClose === undefined) currentTarget.showModal()
        else onClose()
      }}
      onKeyDown={(event) => {
        // A browser may close a dialog on the second Escape, whatever `cancel` says.
        if (event.key !== 'Escape' || event.isComposing) return
        event.preventDefault()
        onClose?.()
      }}
      onClick={(event) => {
        if (event.target === event.currentTarget && screen === 'detail') onClose?.()
      }}
    >
      <header class="dialog-head">
        <h2 id={titleId} tabIndex={-1}>
          {title}
        </h2>
        {onClose !== undefined && (
          <button type="button" class="icon" aria-label={t('close')} onClick={onClose}>
            <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
              <path d="M3.5 3.5l9 9M12.5 3.5l-9 9" />
            </svg>
          </button>
        )}
      </header>
      {children}
    </dialog>
  )
}
