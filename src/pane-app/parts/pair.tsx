import type { ComponentChildren } from 'preact'
import { useRef } from 'preact/hooks'
import type { ApiKey, SecretInfo, Slot } from '../base/model.ts'
import { usePane } from '../base/pane.ts'
import { graceLeft, type Use, useOf } from '../renew/idle.ts'
import { Time } from './time.tsx'

/** How a rail is drawn. `off`: the key does not work. */
type Look = Use | 'off' | 'none'

// The middle of the first rail, from the top.
const OUTER = { small: 12, big: 22 } as const

function Branch({ look, middle, to }: { look: Look; middle: number; to: number }) {
  const bend = (to - middle) * 0.55
  return (
    <path
      class={`branch branch-${look}`}
      d={`M9 ${middle}c5 0 4 ${bend} 4 ${(to - middle) / 2}s-1 ${(to - middle) / 2} 4 ${(to - middle) / 2}h3`}
    />
  )
}

function Fork({ primary, secondary, isBig }: { primary: Look; secondary: Look; isBig: boolean }) {
  const outer = isBig ? OUTER.big : OUTER.small
  const middle = outer * 2
  return (
    <svg class="fork" viewBox={`0 0 20 ${outer * 4}`} aria-hidden="true">
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
  /** The state of the secret, in a word or two. */
  readonly word: ComponentChildren
  /** When the secret was used. */
  readonly use?: ComponentChildren
}

function Rail({ slot, look, hint, left, isChanged, word, use }: RailProps) {
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
      <span class="word">{word} </span>
      <span class="use">{use}</span>
    </div>
  )
}

/** The drawing without a key, for places that explain it. */
export function SamplePair() {
  const { t } = usePane()
  return (
    <div class="pair pair-sample" aria-hidden="true">
      <Fork primary="used" secondary="idle" isBig={false} />
      <Rail slot="primary" look="used" hint="····" word={t('secret_used')} use={t('sample_used')} />
      <Rail
        slot="secondary"
        look="idle"
        hint="····"
        word={t('secret_idle')}
        use={t('sample_idle')}
      />
    </div>
  )
}

/** The state of a secret in a word or two: what the drawing of its rail means. */
function Word({
  secret: { expiresAt },
  look,
}: {
  secret: SecretInfo
  look: Exclude<Look, 'none'>
}) {
  const { t, rich } = usePane()
  if (look !== 'ending' && look !== 'ended') return <>{t(`secret_${look}`)}</>
  return <>{rich(`secret_${look}`, { time: <Time at={expiresAt ?? 0} /> })}</>
}

/** When a secret was used. */
function LastUse({ secret: { lastUsedAt }, look }: { secret: SecretInfo; look: Look }) {
  const { t, rich } = usePane()
  if (lastUsedAt === null) return <>{t(look === 'new' ? 'not_used_yet' : 'never_used')}</>
  const isNow = look === 'used' || look === 'ending'
  return <>{rich(isNow ? 'used' : 'last_used', { time: <Time at={lastUsedAt} /> })}</>
}

/** The state and the use of a secret, in a line. */
export function UseText({ secret, use }: { secret: SecretInfo; use: Use }) {
  return (
    <>
      <Word secret={secret} look={use} /> · <LastUse secret={secret} look={use} />
    </>
  )
}

/** The secrets of a key as two rails. The big form also shows the names of the slots. */
export function Pair({ of: key, isBig = false }: { of: ApiKey; isBig?: boolean }) {
  const { t, now, idleAfter } = usePane()
  const first = useRef({ primary: key.primary.id, secondary: key.secondary?.id })
  const lookOf = (secret: SecretInfo) =>
    key.state === 'active' ? useOf(key, secret, now, idleAfter) : 'off'
  const rail = (slot: Slot, secret: SecretInfo | null) => {
    if (secret === null) return <Rail slot={slot} look="none" word={t('no_secondary')} />
    const look = lookOf(secret)
    return (
      <Rail
        key={`${slot}${secret.id}`}
        slot={slot}
        look={look}
        hint={secret.hint}
        isChanged={first.current[slot] !== secret.id}
        {...(look === 'ending' && { left: graceLeft(key, now) })}
        word={<Word secret={secret} look={look} />}
        use={<LastUse secret={secret} look={look} />}
      />
    )
  }
  return (
    <div class={isBig ? 'pair pair-big' : 'pair'}>
      <Fork
        primary={lookOf(key.primary)}
        secondary={key.secondary === null ? 'none' : lookOf(key.secondary)}
        isBig={isBig}
      />
      {rail('primary', key.primary)}
      {rail('secondary', key.secondary)}
    </div>
  )
}
