import { useEffect, useId, useRef } from 'preact/hooks'
import { usePane } from '../base/pane.ts'
import { Choice, Group, NO_MANAGERS } from '../parts/fields.tsx'
import { limitText, MAX_LIMITS, windowMembers, windowText } from './limits.ts'
import { freeWindows, type LimitRow, type LimitsForm, requestsOf } from './policy-form.ts'

interface LimitsProps {
  readonly value: LimitsForm
  readonly onValue: (value: LimitsForm) => void
  readonly error?: string | undefined
}

interface RowProps {
  readonly row: LimitRow
  readonly windows: readonly string[]
  readonly isWrong: boolean
  readonly onRow: (row: LimitRow) => void
  readonly onRemove?: (() => void) | undefined
}

/** One limit: a number of requests and its window. */
function Row({ row, windows, isWrong, onRow, onRemove }: RowProps) {
  const pane = usePane()
  const { t, format } = pane
  const limit = { requests: requestsOf(row) ?? 0, ...windowMembers(row.window) }
  return (
    <li class="limit-row">
      <input
        {...NO_MANAGERS}
        inputMode="numeric"
        aria-label={t('limit_requests')}
        aria-invalid={isWrong}
        maxLength={15}
        value={row.requests}
        onInput={({ currentTarget }) => onRow({ ...row, requests: currentTarget.value })}
      />
      <span>{t('requests')}</span>
      <select
        aria-label={t('limit_window')}
        value={row.window}
        onChange={({ currentTarget }) => onRow({ ...row, window: currentTarget.value })}
      >
        {windows.map((window) => (
          <option key={window} value={window}>
            {windowText(window, pane, format)}
          </option>
        ))}
      </select>
      {onRemove !== undefined && (
        <button
          type="button"
          class="icon"
          aria-label={t('remove', { name: limitText(limit, pane, format) })}
          onClick={({ currentTarget }) => {
            const item = currentTarget.closest('li')
            const next = item?.nextElementSibling ?? item?.previousElementSibling
            next?.querySelector('input')?.focus()
            onRemove()
          }}
        >
          <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
            <path d="M4 4l8 8M12 4l-8 8" />
          </svg>
        </button>
      )}
      {row.name !== undefined && <span class="limit-name muted mono">{row.name}</span>}
    </li>
  )
}

/** Moves the focus to a row that was added. */
function useFocusOnNew(length: number) {
  const list = useRef<HTMLUListElement>(null)
  const before = useRef(length)
  useEffect(() => {
    if (length > before.current)
      list.current?.querySelector<HTMLElement>('li:last-child input')?.focus()
    before.current = length
  }, [length])
  return list
}

function Rows({ value, onValue, error }: LimitsProps) {
  const { t } = usePane()
  const { rows } = value
  const list = useFocusOnNew(rows.length)
  const set = (next: readonly LimitRow[]) => onValue({ ...value, rows: next })
  const [window] = freeWindows(rows)
  const id = Math.max(...rows.map((row) => row.id)) + 1
  return (
    <>
      <ul class="limit-rows" ref={list}>
        {rows.map((row) => (
          <Row
            key={row.id}
            row={row}
            windows={freeWindows(rows, row)}
            isWrong={error !== undefined && requestsOf(row) === undefined}
            onRow={(next) => set(rows.map((each) => (each === row ? next : each)))}
            onRemove={rows.length < 2 ? undefined : () => set(rows.filter((each) => each !== row))}
          />
        ))}
      </ul>
      {window !== undefined && rows.length < MAX_LIMITS && (
        <button
          type="button"
          class="quiet add"
          onClick={() => set([...rows, { id, requests: '', window }])}
        >
          {t('add_limit')}
        </button>
      )}
    </>
  )
}

/** Chooses the limits of a key: those of the API, its own, or none. */
export function LimitsPicker(props: LimitsProps) {
  const { value, onValue, error } = props
  const pane = usePane()
  const { t, format, session } = pane
  const name = useId()
  const sentences = session.defaultLimits.map((limit) => limitText(limit, pane, format))
  const note = sentences.length > 0 ? format.names(sentences) : t('limits_api_none')
  return (
    <Group
      legend={t('limits')}
      hint={t('note_limits')}
      note={value.kind === 'api' && note}
      error={error}
    >
      <div class="choices">
        {(['api', 'own', 'none'] as const).map((kind) => (
          <Choice
            key={kind}
            type="radio"
            name={name}
            isChosen={value.kind === kind}
            onChoose={() => onValue({ ...value, kind })}
            label={t(`limits_${kind}`)}
          />
        ))}
      </div>
      {value.kind === 'own' && <Rows {...props} />}
    </Group>
  )
}
