import type { ComponentChildren } from 'preact'
import { useRef } from 'preact/hooks'
import type { ApiKey, SecretInfo, Slot } from '../base/model.ts'
import { usePane } from '../base/pane.ts'
import { graceLeft, type Use, useOf } from '../renew/idle.ts'
import { Time } from './time.tsx'

/** How a rail is drawn. `off`: the key does not work. */
export type Look = Use | 'off' | 'none'

// A secret without a use is called new for a day.
const NEW_MS = 86_400_000

const OUTER = { small: 14, big: 22 } as const

function Branch({ look, middle, to }: { look: Look; middle: number; to: number }) {
  const bend = (to - middle) * 0.55
  return (
    <path
      class={`branch branch-${look}`}
      d={`M9 ${middle}c5 0 4 ${bend} 4 ${(to - middle) / 2}s-1 ${(to - middle) / 2} 4 ${(to - middle) / 2}h5`}
    />
  )
}

function Fork({ primary, secondary, isBig }: { primary: Look; secondary: Look; isBig: boolean }) {
  const outer = isBig ? OUTER.big : OUTER.small
  const middle = outer * 2
  return (
    <svg class="fork" viewBox={`0 0 22 ${outer * 4}`} aria-hidden="true">
      <Branch look={secondary} middle={middle} to={outer * 3} />
      <Branch look={primary} middle={middle} to={outer} />
      <circle cx="5" cy={middle} r="3.5" />
    </svg>
  )
}

interface RailProps {
  readonly slot: Slot
  readonly look: Look
  readonly hint?: string | undefined
  /** With `ending`: the share of the grace that is left, from 0 to 1. */
  readonly left?: number
  readonly isChanged?: boolean
  readonly children: ComponentChildren
}

function Rail({ slot, look, hint, left, isChanged, children }: RailProps) {
  const { t } = usePane()
  return (
    <div
      class={`rail rail-${look}${isChanged ? ' rail-changed' : ''}`}
      style={left === undefined ? undefined : { '--left': `${(left * 100).toFixed(1)}%` }}
    >
      <span class="slot">{t(slot)} </span>
      {hint !== undefined && (
        <span class="hint">
          <span aria-hidden="true">····</span>
          {hint}{' '}
        </span>
      )}
      <span class="use">{children}</span>
    </div>
  )
}

/** The drawing without a key, for places that explain it. */
export function SamplePair() {
  const { t } = usePane()
  return (
    <div class="pair pair-sample" aria-hidden="true">
      <Fork primary="used" secondary="new" isBig={false} />
      <Rail slot="primary" look="used" hint="····">
        {t('sample_used')}
      </Rail>
      <Rail slot="secondary" look="new" hint="····">
        {t('sample_idle')}
      </Rail>
    </div>
  )
}

/** What is known of the use of a secret, in a few words. */
export function UseText({ secret, look }: { secret: SecretInfo; look: Look }) {
  const { rich, t, now } = usePane()
  const { lastUsedAt, expiresAt } = secret
  const use = lastUsedAt !== null && <Time at={lastUsedAt} />
  if (expiresAt !== null && (look === 'ending' || look === 'ended')) {
    const time = <Time at={expiresAt} />
    if (look === 'ended') return <>{rich('ended', { time })}</>
    return <>{use ? rich('ends_used', { time, use }) : rich('ends', { time })}</>
  }
  if (use) return <>{rich(look === 'used' ? 'used' : 'last_used', { time: use })}</>
  const isNew = now - secret.createdAt < NEW_MS
  return <>{t(look !== 'off' && isNew ? 'new_unused' : 'no_use')}</>
}

/** The secrets of a key as two rails. The big form also shows the names of the slots. */
export function Pair({ of: key, isBig = false }: { of: ApiKey; isBig?: boolean }) {
  const { t, now, idleAfter } = usePane()
  const first = useRef({ primary: key.primary.id, secondary: key.secondary?.id })
  const lookOf = (secret: SecretInfo | null): Look => {
    if (secret === null) return 'none'
    return key.state === 'active' ? useOf(key, secret, now, idleAfter) : 'off'
  }
  const rail = (slot: Slot, secret: SecretInfo | null) => {
    const look = lookOf(secret)
    return (
      <Rail
        key={`${slot}${secret?.id}`}
        slot={slot}
        look={look}
        hint={secret?.hint}
        isChanged={first.current[slot] !== secret?.id}
        {...(look === 'ending' && { left: graceLeft(key, now) })}
      >
        {secret === null ? t('no_secondary') : <UseText secret={secret} look={look} />}
      </Rail>
    )
  }
  return (
    <div class={isBig ? 'pair pair-big' : 'pair'}>
      <Fork primary={lookOf(key.primary)} secondary={lookOf(key.secondary)} isBig={isBig} />
      {rail('primary', key.primary)}
      {rail('secondary', key.secondary)}
    </div>
  )
}
