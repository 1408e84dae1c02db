import { useEffect, useState } from 'preact/hooks'
import { useAction } from '../base/action.ts'
import { api, type HistoryPage } from '../base/api.ts'
import type { ApiKey, HistoryEntry } from '../base/model.ts'
import { usePane } from '../base/pane.ts'
import { Problem } from '../parts/problem.tsx'
import { Time } from '../parts/time.tsx'
import { historyChanges, historySentence } from './history-text.ts'

function Entry({ entry }: { entry: HistoryEntry }) {
  const pane = usePane()
  const changes = historyChanges(entry, pane, pane.format)
  return (
    <li>
      <span class="muted">
        <Time at={entry.at} />
      </span>
      <div>
        <p>{historySentence(entry, pane.session.actor, pane, pane.format)}</p>
        {changes.length > 0 && (
          <ul class="muted">
            {changes.map((change) => (
              <li key={change}>{change}</li>
            ))}
          </ul>
        )}
      </div>
    </li>
  )
}

/** The changes of a key, newest first. Reads them again with each version of the key. */
export function History({ of: key }: { of: ApiKey }) {
  const { t } = usePane()
  const [page, setPage] = useState<HistoryPage>()
  const { busy, failure, run } = useAction()
  const first = async () => {
    const outcome = await run(() => api.history(key.id))
    if (outcome !== undefined) setPage(outcome.value)
  }
  const more = async () => {
    const outcome = await run(() => api.history(key.id, page?.nextCursor))
    if (outcome === undefined) return
    const { entries, nextCursor } = outcome.value
    setPage({
      entries: [...(page?.entries ?? []), ...entries],
      ...(nextCursor !== undefined && { nextCursor }),
    })
  }
  useEffect(() => void first(), [key.id, key.version])
  return (
    <section class="history">
      <h3>{t('history')}</h3>
      {page === undefined && busy && <p class="muted late">{t('loading')}</p>}
      {page?.entries.length === 0 && <p class="muted">{t('history_empty')}</p>}
      <ol>
        {page?.entries.map((entry) => (
          <Entry key={entry.id} entry={entry} />
        ))}
      </ol>
      <Problem failure={failure} onRetry={page === undefined ? first : more} />
      {page?.nextCursor !== undefined && (
        <button type="button" class="more" aria-disabled={busy} onClick={more}>
          {t(busy ? 'loading' : 'load_more')}
        </button>
      )}
    </section>
  )
}
