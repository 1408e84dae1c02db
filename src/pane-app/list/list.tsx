import { useEffect, useState } from 'preact/hooks'
import { usePane } from '../base/pane.ts'
import { SamplePair } from '../parts/pair.tsx'
import { Problem } from '../parts/problem.tsx'
import type { ListQuery } from './pages.ts'
import { Row } from './row.tsx'
import { Toolbar } from './toolbar.tsx'

const START: ListQuery = { text: '', filter: 'all' }

function NewKey({ label }: { label: string }) {
  const { go } = usePane()
  return (
    <button type="button" class="primary" onClick={() => go({ at: 'create' })}>
      {label}
    </button>
  )
}

function Empty() {
  const { t, can } = usePane()
  return (
    <div class="empty">
      <SamplePair />
      <p>{t('empty')}</p>
      {can('create') && <NewKey label={t('create_first')} />}
    </div>
  )
}

function NoMatch({ onClear }: { onClear: () => void }) {
  const { t } = usePane()
  return (
    <div class="empty">
      <p>{t('no_match')}</p>
      <button type="button" onClick={onClear}>
        {t('show_all')}
      </button>
    </div>
  )
}

/** Gray rows while the first answer takes longer than 200 ms. */
export function Skeleton() {
  const { t } = usePane()
  return (
    <div class="skeleton" role="status">
      <span class="hidden">{t('loading')}</span>
      {[1, 2, 3, 4].map(() => (
        <div class="skeleton-row">
          <i />
          <i />
          <i />
        </div>
      ))}
    </div>
  )
}

function Head() {
  const { t, session } = usePane()
  const column = (name: string, label: string) => (
    <th role="columnheader" scope="col" class={`cell-${name}`}>
      {label}
    </th>
  )
  return (
    <thead role="rowgroup">
      <tr role="row">
        {column('key', t('column_key'))}
        {column('pair', t('column_secrets'))}
        {column('reach', t('column_reaches'))}
        {session.owner === null && column('owner', t('column_owner'))}
        {column('expires', t('column_expires'))}
        <th role="columnheader" scope="col" class="cell-menu">
          <span class="hidden">{t('column_menu')}</span>
        </th>
      </tr>
    </thead>
  )
}

function Table() {
  const { t, keys, session } = usePane()
  return (
    <table role="table" class={session.owner === null ? 'with-owner' : ''} aria-label={t('keys')}>
      <Head />
      <tbody role="rowgroup">
        {keys.listed.map((key) => (
          <Row key={key.id} of={key} />
        ))}
      </tbody>
    </table>
  )
}

function More() {
  const { t, keys } = usePane()
  if (!keys.hasMore) return null
  const isBusy = keys.status === 'loading more'
  return (
    <button type="button" class="more" aria-disabled={isBusy} onClick={() => keys.more()}>
      {t(isBusy ? 'loading' : 'load_more')}
    </button>
  )
}

function Body({ onClear }: { onClear: () => void }) {
  const { keys } = usePane()
  const isEmpty = keys.listed.length === 0
  if (isEmpty && keys.status === 'loading') return <Skeleton />
  return (
    <div class={keys.status === 'loading' ? 'stale' : ''} aria-busy={keys.status === 'loading'}>
      {!isEmpty && <Table />}
      {isEmpty && !keys.failure && !keys.hasMore && <NoMatch onClear={onClear} />}
      <Problem failure={keys.failure} onRetry={keys.more} />
      <More />
    </div>
  )
}

/** Tells screen readers how many keys an answer has. */
function useCount() {
  const { keys, count, announce } = usePane()
  const { length } = keys.listed
  useEffect(() => {
    if (keys.status === 'ready' && keys.failure === undefined) announce(count('keys_shown', length))
  }, [keys.status, length])
}

/** The list of keys: the page below everything else. */
export function List() {
  const { t, config, can, keys } = usePane()
  const [query, setQuery] = useState(START)
  const ask = (next: ListQuery) => {
    setQuery(next)
    void keys.load(next)
  }
  useEffect(() => void keys.load(query), [])
  useCount()
  const hasNone =
    keys.status === 'ready' &&
    keys.failure === undefined &&
    keys.listed.length === 0 &&
    !keys.hasMore &&
    query.text === '' &&
    query.filter === 'all'
  return (
    <>
      <header class="top">
        <div>
          <h1 tabIndex={-1}>{config.title}</h1>
          {!hasNone && <p class="muted">{t('intro')}</p>}
        </div>
        {can('create') && !hasNone && (
          <div class="action">
            <NewKey label={t('new_key')} />
          </div>
        )}
      </header>
      {hasNone ? (
        <Empty />
      ) : (
        <>
          <Toolbar query={query} onQuery={ask} />
          <Body onClear={() => ask(START)} />
        </>
      )}
    </>
  )
}
