import type { Failure } from '../base/model.ts'
import { usePane } from '../base/pane.ts'

/** The address of the host's login. A login that is not a web address is ignored. */
function loginOf({ login }: Failure): string {
  const here = location.href.split('#')[0] ?? ''
  if (login === undefined || !URL.canParse(login, here)) return here
  const url = new URL(login, here)
  return /^https?:$/.test(url.protocol) ? url.href : here
}

interface ProblemProps {
  readonly failure: Failure | undefined
  /** Sends the request again. */
  readonly onRetry?: (() => void) | undefined
  /** Whether a repeat cannot do the same thing twice. */
  readonly isRepeatable?: boolean
}

// A repeat of these fails in the same way.
const FINAL = new Set([
  'invalid_input',
  'not_permitted',
  'not_grantable',
  'key_limit_reached',
  'key_not_found',
  'not_found',
  'key_revoked',
  'name_taken',
  'version_conflict',
  'idempotency_conflict',
  'secondary_live',
  'secret_not_accepted',
])

// The change may have been made.
const UNKNOWN = new Set(['outcome_unknown', 'no_answer'])

/** Says what failed, beside the place where it failed, and what to do. */
export function Problem({ failure, onRetry, isRepeatable = false }: ProblemProps) {
  const { t, find } = usePane()
  const isUnknown = failure !== undefined && UNKNOWN.has(failure.code)
  const message =
    failure &&
    (isUnknown && isRepeatable
      ? t('error_repeatable')
      : (find(`error_${failure.code}`) ?? t('error_unexpected')))
  if (failure === undefined) return null
  const mayRetry = isUnknown ? isRepeatable : !FINAL.has(failure.code)
  const showsDetail = failure.code === 'invalid_input' || failure.code === 'unexpected'
  return (
    <div class="problem" role="alert">
      <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
        <path d="M8 1.8l6.6 11.9H1.4zM8 6.2v3.6M8 11.6v.4" />
      </svg>
      <div>
        <p>{message}</p>
        {showsDetail && failure.detail !== undefined && <p class="muted">{failure.detail}</p>}
        <p class="problem-actions">
          {failure.code === 'session_expired' && (
            <a href={loginOf(failure)} target="_blank" rel="noopener noreferrer">
              {t('sign_in')}
            </a>
          )}
          {onRetry !== undefined && mayRetry && (
            <button type="button" class="link" onClick={onRetry}>
              {t('try_again')}
            </button>
          )}
        </p>
      </div>
    </div>
  )
}
