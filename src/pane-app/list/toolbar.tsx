import { useEffect, useRef, useState } from 'preact/hooks'
import { usePane } from '../base/pane.ts'
import { NO_MANAGERS } from '../parts/fields.tsx'
import { FILTERS, type Filter } from './filter.ts'
import type { ListQuery } from './pages.ts'
import { idInSecret, readSearch } from './search.ts'

const TYPING_PAUSE_MS = 250

interface ToolbarProps {
  readonly query: ListQuery
  readonly onQuery: (query: ListQuery) => void
}

/** What the search does with the text, if that is not obvious. */
function SearchNote({ text, wasSecret }: { text: string; wasSecret: boolean }) {
  const { t } = usePane()
  const search = readSearch(text)
  const note = wasSecret
    ? t('secret_not_sent')
    : search.by === 'name or hint'
      ? t('name_or_hint', { text: search.text })
      : undefined
  return (
    <p class="search-note muted" id="search-note" aria-live="polite">
      {note}
    </p>
  )
}

function useTyped({ query, onQuery }: ToolbarProps) {
  const [typed, setTyped] = useState(query.text)
  const [wasSecret, setWasSecret] = useState(false)
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  useEffect(() => setTyped(query.text), [query.text])
  return {
    typed,
    wasSecret,
    stop: () => clearTimeout(timer.current),
    // The secret is cut down before it gets into any state.
    read(input: HTMLInputElement) {
      const id = idInSecret(input.value)
      if (id !== undefined) input.value = id
      const text = input.value
      setTyped(text)
      setWasSecret((before) => id !== undefined || (before && text === typed))
      clearTimeout(timer.current)
      timer.current = setTimeout(() => onQuery({ ...query, text }), TYPING_PAUSE_MS)
    },
  }
}

function SearchIcon() {
  return (
    <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d="M7 2.2a4.8 4.8 0 1 0 0 9.6a4.8 4.8 0 1 0 0-9.6M10.6 10.6l3.4 3.4" />
    </svg>
  )
}

/** The search field and the filters. */
export function Toolbar(props: ToolbarProps) {
  const { query, onQuery } = props
  const { t } = usePane()
  const { typed, wasSecret, stop, read } = useTyped(props)
  const choose = (filter: Filter) => {
    stop()
    onQuery({ text: typed, filter })
  }
  return (
    <search class="toolbar">
      <div class="search">
        <SearchIcon />
        <input
          type="search"
          {...NO_MANAGERS}
          aria-label={t('search')}
          aria-describedby="search-note"
          placeholder={t('search_placeholder')}
          value={typed}
          onInput={({ currentTarget }) => read(currentTarget)}
        />
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: these are buttons, not fields */}
      <div class="filters desk" role="group" aria-label={t('filter')}>
        {FILTERS.map((each) => (
          <button
            type="button"
            class="filter"
            aria-pressed={query.filter === each}
            onClick={() => choose(each)}
          >
            {t(`filter_${each}`)}
          </button>
        ))}
      </div>
      <select
        class="phone"
        aria-label={t('filter')}
        value={query.filter}
        onChange={({ currentTarget }) => choose(currentTarget.value as Filter)}
      >
        {FILTERS.map((each) => (
          <option value={each} selected={query.filter === each}>
            {t(`filter_${each}`)}
          </option>
        ))}
      </select>
      <SearchNote text={typed} wasSecret={wasSecret} />
    </search>
  )
}
