import { useRef } from 'preact/hooks'
import type { ApiKey, Right } from '../base/model.ts'
import { usePane } from '../base/pane.ts'
import { hashOf, type Route } from '../base/route.ts'
import { Copy } from '../parts/copy.tsx'
import { Menu, type MenuItem } from '../parts/menu.tsx'
import { Pair } from '../parts/pair.tsx'
import { Reach } from '../parts/reach.tsx'
import { State } from '../parts/state.tsx'
import { Time } from '../parts/time.tsx'
import { isLimited, limitText } from '../policies/limits.ts'
import { SOON } from './filter.ts'

/** When a key expires. Marked if that is soon. */
export function Expires({ of: key }: { of: ApiKey }) {
  const { t, now } = usePane()
  if (key.state === 'revoked') return <span class="muted">{t('nothing')}</span>
  if (key.expiresAt === null) return <span class="muted">{t('never')}</span>
  const isSoon = key.state === 'active' && key.expiresAt - now < SOON
  return (
    <span class={isSoon ? 'soon' : ''}>
      {isSoon && (
        <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
          <path d="M8 4v4.2l2.6 1.6M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8" />
        </svg>
      )}
      <Time at={key.expiresAt} />
    </span>
  )
}

/** The expiry as a part of a sentence, for narrow screens. */
function PhoneExpires({ of: key }: { of: ApiKey }) {
  const { t, rich } = usePane()
  if (key.state === 'revoked') return null
  return (
    <span class="phone muted">
      {'· '}
      {key.expiresAt === null
        ? t('never_expires')
        : rich(key.state === 'expired' ? 'expired_at' : 'expires_at', {
            time: <Expires of={key} />,
          })}
    </span>
  )
}

/** What the person may do with a key, in the order of the menu. */
function useItems({ id, state }: ApiKey): MenuItem[] {
  const { t, go, can } = usePane()
  const item = (
    screen: Extract<Route, { at: 'key' }>['screen'],
    label: string,
    right: Right,
    isPossible = true,
  ): MenuItem[] =>
    can(right) && isPossible ? [{ label, onSelect: () => go({ at: 'key', id, screen }) }] : []
  const isLive = state !== 'revoked'
  return [
    { label: t('open'), onSelect: () => go({ at: 'key', id, screen: 'detail' }) },
    ...item('renew', t('renew_menu'), 'renew', isLive),
    ...item('leak', t('leak_menu'), 'renew', isLive),
    ...item('edit', t('edit_menu'), 'update', isLive),
    ...item('enable', t('enable_menu'), 'enable', state === 'disabled'),
    ...item('disable', t('disable_menu'), 'disable', isLive && state !== 'disabled'),
    ...item('revoke', t('revoke_menu'), 'revoke', isLive),
    ...item('delete', t('delete_menu'), 'delete'),
  ]
}

/** Marks a key with limits or networks of its own. */
function Limited({ of: key }: { of: ApiKey }) {
  const pane = usePane()
  if (!isLimited(key)) return null
  const limits = (key.limits ?? []).map((limit) => limitText(limit, pane, pane.format))
  return (
    <span class="chip chip-quiet" title={[...limits, ...(key.networks ?? [])].join('\n')}>
      {pane.t('limited')}
    </span>
  )
}

/** One key in the list. */
export function Row({ of: key }: { of: ApiKey }) {
  const { t, go, keys, session, isShowing } = usePane()
  const id = useRef<HTMLElement>(null)
  const route: Route = { at: 'key', id: key.id, screen: 'detail' }
  const open = (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return
    event.preventDefault()
    go(route)
  }
  return (
    <tr role="row" class={keys.created === key.id && !isShowing ? 'row row-created' : 'row'}>
      <td role="cell" class="cell-key">
        <div class="name-line">
          <a class="name" href={hashOf(route)} data-row={key.id} onClick={open}>
            {key.name}
          </a>
          <Limited of={key} />
        </div>
        <div class="under">
          <State of={key.state} />
          <PhoneExpires of={key} />
          <span class="id desk">
            <code ref={id}>{key.id}</code>
            <Copy
              text={key.id}
              label={t('id_of', { name: key.name })}
              shown={() => id.current}
              isSmall
            />
          </span>
        </div>
      </td>
      <td role="cell" class="cell-pair">
        <Pair of={key} />
      </td>
      <td role="cell" class="cell-reach">
        <Reach scope={key.scope} />
      </td>
      {session.owner === null && (
        <td role="cell" class="cell-owner">
          <span class="clip">{key.owner ?? t('no_owner')}</span>
        </td>
      )}
      <td role="cell" class="cell-expires">
        <Expires of={key} />
      </td>
      <td role="cell" class="cell-menu">
        <Menu label={t('menu_of', { name: key.name })} items={useItems(key)} />
      </td>
    </tr>
  )
}
