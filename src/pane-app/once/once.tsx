import { useRef, useState } from 'preact/hooks'
import type { Issued } from '../base/model.ts'
import { usePane } from '../base/pane.ts'
import { Copy, isSelected, selectAll } from '../parts/copy.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { Choice } from '../parts/fields.tsx'
import { LeaveGuard } from '../parts/kept.tsx'
import { groupsOf, type Shown } from './lines.ts'
import { Uses } from './uses.tsx'

/** The new secrets of an answer, the one for callers first. */
function shownOf({ primary, secondary }: Issued): readonly Shown[] {
  return [
    ...(primary === null ? [] : [{ slot: 'primary' as const, secret: primary }]),
    ...(secondary === null ? [] : [{ slot: 'secondary' as const, secret: secondary }]),
  ]
}

function Secret({ of, isAlone, onCopied }: { of: Shown; isAlone: boolean; onCopied: () => void }) {
  const { t } = usePane()
  const code = useRef<HTMLElement>(null)
  const { prefix, groups } = groupsOf(of.secret)
  const id = `secret-${of.slot}`
  return (
    <section class="secret" aria-labelledby={id}>
      <header>
        <span id={id}>
          <b>{t(of.slot)}</b>
          {!isAlone && <span class="muted"> · {t(`${of.slot}_use`)}</span>}
        </span>
        <Copy text={of.secret} label={t(of.slot)} shown={() => code.current} onCopied={onCopied} />
      </header>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: the focus selects it for the keyboard */}
      <code
        ref={code}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: people select it with the keyboard
        tabIndex={0}
        data-1p-ignore=""
        data-lpignore="true"
        translate={false}
        onClick={() => selectAll(code.current)}
        onFocus={() => selectAll(code.current)}
        onCopy={() => isSelected(of.secret) && onCopied()}
      >
        {prefix !== '' && <span class="prefix">{prefix}</span>}
        {groups.map((group) => (
          <>
            <wbr />
            <span class="group">{group}</span>
          </>
        ))}
      </code>
    </section>
  )
}

/** Shows new secrets once. Only its own button closes it, after copying or confirming. */
export function Once({ issued, onDone }: { issued: Issued; onDone: () => void }) {
  const { t } = usePane()
  const [isStored, setStored] = useState(false)
  const [copied, setCopied] = useState<readonly string[]>([])
  const shown = shownOf(issued)
  const copy = (...slots: string[]) => setCopied([...copied, ...slots])
  const isDone = isStored || shown.every(({ slot }) => copied.includes(slot))
  const isAlone = shown.length === 1
  const { name, id } = issued.key
  return (
    <Dialog
      kind="once"
      screen="once"
      row={id}
      title={t(isAlone ? 'once_title_one' : 'once_title', { name })}
    >
      <LeaveGuard />
      <div class="dialog-body">
        <p class="muted">{t(isAlone ? 'once_note_one' : 'once_note')}</p>
        {shown.map((each) => (
          <Secret key={each.slot} of={each} isAlone={isAlone} onCopied={() => copy(each.slot)} />
        ))}
        <Uses shown={shown} onAllCopied={() => copy('primary', 'secondary')} />
      </div>
      <footer class="dialog-foot once-foot">
        <Choice
          type="checkbox"
          isChosen={isStored}
          onChoose={setStored}
          label={t(isAlone ? 'stored_one' : 'stored')}
        />
        <button
          type="button"
          class="primary"
          aria-disabled={!isDone}
          aria-describedby="once-hint"
          onClick={() => isDone && onDone()}
        >
          {t('done')}
        </button>
        <span class="hidden" id="once-hint">
          {isDone ? '' : t('done_hint')}
        </span>
      </footer>
    </Dialog>
  )
}
