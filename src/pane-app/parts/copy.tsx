import { useEffect, useState } from 'preact/hooks'
import { usePane } from '../base/pane.ts'

/** Selects the text of an element. */
export function selectAll(element: Element | null) {
  if (element === null) return
  const range = document.createRange()
  range.selectNodeContents(element)
  const selection = getSelection()
  selection?.removeAllRanges()
  selection?.addRange(range)
}

/** Whether the selection has the whole text, so that copying it copies all of it. */
export function isSelected(text: string): boolean {
  return getSelection()?.toString().includes(text) ?? false
}

/** Copies a text. Without the clipboard, as over plain HTTP, it copies what is selected. */
async function copyText(text: string, shown: Element | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    selectAll(shown)
    try {
      return document.execCommand('copy')
    } catch {
      return false
    }
  }
}

interface CopyProps {
  readonly text: string
  /** What is copied, for screen readers. */
  readonly label: string
  /** The element that shows the text: it is selected if the browser refuses to copy. */
  readonly shown: () => Element | null
  readonly onCopied?: () => void
  readonly isSmall?: boolean
}

type Outcome = 'none' | 'copied' | 'refused'

/** A button that copies a text and says so in place. */
export function Copy({ text, label, shown, onCopied, isSmall = false }: CopyProps) {
  const { t } = usePane()
  const [outcome, setOutcome] = useState<Outcome>('none')
  useEffect(() => {
    if (outcome !== 'copied') return undefined
    const timer = setTimeout(() => setOutcome('none'), 4000)
    return () => clearTimeout(timer)
  }, [outcome])
  const copy = async () => {
    const isCopied = await copyText(text, shown())
    setOutcome(isCopied ? 'copied' : 'refused')
    if (isCopied) onCopied?.()
  }
  const word = t(outcome === 'copied' ? 'copied' : 'copy')
  return (
    <span class={isSmall ? 'copy copy-small' : 'copy'}>
      <span class="hidden" role="status">
        {outcome === 'none' ? '' : t(outcome === 'copied' ? 'copied' : 'copy_refused')}
      </span>
      {outcome === 'refused' && <span class="muted copy-refused">{t('copy_refused')}</span>}
      <button type="button" class="quiet" aria-label={`${word}: ${label}`} onClick={copy}>
        <CopyIcon isDone={outcome === 'copied'} />
        {!(isSmall && outcome === 'none') && word}
      </button>
    </span>
  )
}

function CopyIcon({ isDone }: { isDone: boolean }) {
  return (
    <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={isDone ? 'M3 8.5l3.2 3.2L13 4.8' : 'M6 5.5h7.5v8H6zM3.5 10.5h-1v-8H10v1'} />
    </svg>
  )
}
