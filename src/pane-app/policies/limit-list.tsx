import type { KeyLimit, LimitUse } from '../base/model.ts'
import { usePane } from '../base/pane.ts'
import { Time } from '../parts/time.tsx'
import { limitText, windowOf } from './limits.ts'

const MINUTE = 60_000
// Less than this share is marked.
const LOW = 0.1

/** What is left of a limit, as a bar and in words. */
function Left({ of: { limit, remaining, resetsAt } }: { of: LimitUse }) {
  const { t, rich, format, now } = usePane()
  // Once the window has ended, all requests are left again.
  const left = resetsAt <= now ? limit.requests : remaining
  const share = Math.min(1, left / limit.requests)
  const values = { left: format.number(left), requests: format.number(limit.requests) }
  return (
    <>
      <span
        class={share < LOW ? 'left left-low' : 'left'}
        style={{ '--left': `${(share * 100).toFixed(1)}%` }}
        aria-hidden="true"
      />
      <p class="muted left-text">
        {share === 1
          ? t('limit_all_left', values)
          : resetsAt - now < MINUTE
            ? t('limit_left_soon', values)
            : rich('limit_left', { ...values, time: <Time at={resetsAt} /> })}
      </p>
    </>
  )
}

interface ListProps {
  readonly limits: readonly KeyLimit[]
  /** What is left of them, as far as it is known. */
  readonly uses?: readonly LimitUse[] | undefined
}

/** Limits as sentences, with what is left of each. */
export function LimitList({ limits, uses = [] }: ListProps) {
  const pane = usePane()
  return (
    <ul class="limits">
      {limits.map((limit) => {
        const use = uses.find((each) => windowOf(each.limit) === windowOf(limit))
        return (
          <li key={windowOf(limit)}>
            <p class="limit">
              {limitText(limit, pane, pane.format)}
              {limit.name !== undefined && <code class="muted">{limit.name}</code>}
            </p>
            {use !== undefined && <Left of={use} />}
          </li>
        )
      })}
    </ul>
  )
}
