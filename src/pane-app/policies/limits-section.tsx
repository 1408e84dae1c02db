import { useEffect, useState } from 'preact/hooks'
import { useAction } from '../base/action.ts'
import { api } from '../base/api.ts'
import type { ApiKey, LimitUse } from '../base/model.ts'
import { usePane } from '../base/pane.ts'
import { LimitList } from './limit-list.tsx'

const isOver = (uses: readonly LimitUse[], now: number) =>
  uses.some(({ limit, remaining, resetsAt }) => remaining < limit.requests && resetsAt <= now)

/** What is left of the limits of a key. Reads it again when a window with a count ends. */
function useUsage({ id, version }: ApiKey, isRead: boolean) {
  const { now } = usePane()
  const [uses, setUses] = useState<readonly LimitUse[]>()
  const { failure, run } = useAction()
  const read = async () => {
    const outcome = await run(() => api.usage(id))
    if (outcome !== undefined) setUses(outcome.value.limits)
  }
  const isStale = uses !== undefined && isOver(uses, now)
  useEffect(() => {
    if (isRead) void read()
  }, [id, version, isRead])
  useEffect(() => {
    if (isStale) void read()
  }, [isStale])
  return { uses, failure }
}

/** The limits of a key and what is left of them. A failure hides nothing that is known. */
export function LimitsSection({ of: key }: { of: ApiKey }) {
  const { t, session } = usePane()
  const { hasLimiter, defaultLimits } = session
  const limits = key.limits ?? defaultLimits
  const isRead = hasLimiter && key.state !== 'revoked' && limits.length > 0
  const { uses, failure } = useUsage(key, isRead)
  if (!hasLimiter && limits.length === 0) return null
  const isOwn = key.limits !== null || limits.length === 0
  return (
    <section class="policies">
      <h3>{t(isOwn ? 'limits' : 'limits_of_api')}</h3>
      {limits.length === 0 && <p class="muted">{t('limits_none')}</p>}
      <LimitList limits={limits} uses={isRead ? uses : undefined} />
      {failure !== undefined && <p class="muted">{t('usage_unknown')}</p>}
    </section>
  )
}
