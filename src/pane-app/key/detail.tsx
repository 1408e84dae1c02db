import { useRef } from 'preact/hooks'
import type { ApiKey, Right } from '../base/model.ts'
import { usePane } from '../base/pane.ts'
import type { Screen } from '../base/route.ts'
import { Expires } from '../list/row.tsx'
import { Copy } from '../parts/copy.tsx'
import { Pair } from '../parts/pair.tsx'
import { FullReach } from '../parts/reach.tsx'
import { State } from '../parts/state.tsx'
import { Day, Time } from '../parts/time.tsx'
import { LimitsSection } from '../policies/limits-section.tsx'
import { History } from './history.tsx'

interface OpenProps {
  readonly of: ApiKey
  readonly screen: Screen
  readonly right: Right
  readonly label: string
  readonly look?: 'primary' | 'quiet'
}

/** A button that opens another screen of the key, if the person may use it. */
function Open({ of: { id }, screen, right, label, look }: OpenProps) {
  const { go, can } = usePane()
  if (!can(right)) return null
  return (
    <button type="button" class={look} onClick={() => go({ at: 'key', id, screen })}>
      {label}
    </button>
  )
}

function Identity({ of: key }: { of: ApiKey }) {
  const { t } = usePane()
  const id = useRef<HTMLElement>(null)
  return (
    <p class="under">
      <State of={key.state} />
      <span class="id">
        <code ref={id}>{key.id}</code>
        <Copy
          text={key.id}
          label={t('id_of', { name: key.name })}
          shown={() => id.current}
          isSmall
        />
      </span>
    </p>
  )
}

/** Why the key does not work, and since when. */
function StateNote({ of: key }: { of: ApiKey }) {
  const { t, rich, session } = usePane()
  if (key.revokedAt !== null)
    return <p class="note">{rich('revoked_at', { time: <Time at={key.revokedAt} /> })}</p>
  if (key.state === 'expired') return <p class="note">{t('expired_note')}</p>
  if (key.disabledBy === null) return null
  const { actor } = key.disabledBy
  const who = actor === session.actor ? t('you') : (actor ?? t('someone'))
  return <p class="note">{t('disabled_by', { who })}</p>
}

function Facts({ of: key }: { of: ApiKey }) {
  const { t, rich, session } = usePane()
  return (
    <dl class="facts">
      <FullReach scope={key.scope} />
      {session.owner === null && (
        <>
          <dt>{t('column_owner')}</dt>
          <dd>{key.owner ?? t('no_owner')}</dd>
        </>
      )}
      <dt>{t('expires')}</dt>
      <dd>
        {key.expiresAt === null
          ? t('never')
          : rich('day_and_distance', {
              day: <Day at={key.expiresAt} />,
              distance: <Expires of={key} />,
            })}
      </dd>
      <dt>{t('networks')}</dt>
      <dd>
        {key.networks === null
          ? t('any_network')
          : key.networks.map((network) => (
              <code class="network" key={network}>
                {network}
              </code>
            ))}
      </dd>
      <dt>{t('last_use')}</dt>
      <dd>{key.lastUsedAt === null ? t('never') : <Time at={key.lastUsedAt} />}</dd>
      <dt>{t('created')}</dt>
      <dd>
        <Day at={key.createdAt} />
      </dd>
    </dl>
  )
}

/** What can be done about the secrets. */
function SecretActions({ of: key }: { of: ApiKey }) {
  const { t, can } = usePane()
  if (key.state === 'revoked' || !can('renew')) return null
  return (
    <>
      <div class="actions">
        <Open of={key} screen="renew" right="renew" label={t('renew_menu')} look="primary" />
        <Open of={key} screen="leak" right="renew" label={t('leak_menu')} />
      </div>
      <p class="muted">{t('cannot_show')}</p>
    </>
  )
}

/** What can be done about the key as a whole. */
function KeyActions({ of: key }: { of: ApiKey }) {
  const { t } = usePane()
  const isLive = key.state !== 'revoked'
  return (
    <div class="actions">
      {isLive && (
        <>
          <Open of={key} screen="edit" right="update" label={t('edit_menu')} />
          {key.state === 'disabled' ? (
            <Open of={key} screen="enable" right="enable" label={t('enable_menu')} />
          ) : (
            <Open of={key} screen="disable" right="disable" label={t('disable_menu')} />
          )}
          <Open of={key} screen="revoke" right="revoke" label={t('revoke_menu')} look="quiet" />
        </>
      )}
      <Open of={key} screen="delete" right="delete" label={t('delete_menu')} look="quiet" />
    </div>
  )
}

/** Everything about one key. */
export function Detail({ of: key }: { of: ApiKey }) {
  return (
    <div class="dialog-body">
      <Identity of={key} />
      <StateNote of={key} />
      <Pair of={key} isBig />
      <SecretActions of={key} />
      <Facts of={key} />
      <LimitsSection of={key} />
      <KeyActions of={key} />
      <History of={key} />
    </div>
  )
}
