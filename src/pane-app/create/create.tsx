import { useEffect, useRef, useState } from 'preact/hooks'
import { useAction } from '../base/action.ts'
import { api, type NewKey } from '../base/api.ts'
import { AXES, type AxisName, type Issued, type Scope, type Session } from '../base/model.ts'
import { usePane } from '../base/pane.ts'
import { Choice, Field, Group } from '../parts/fields.tsx'
import { Problem } from '../parts/problem.tsx'
import { scopeText } from '../parts/reach.tsx'
import { AxisPicker } from './axis-picker.tsx'
import { type Expiry, expiryTime, recommended } from './expiry.ts'
import { ExpiryPicker } from './expiry-picker.tsx'

interface Draft {
  readonly name: string
  readonly scope: Scope
  readonly expiry: Expiry
  readonly secrets: 1 | 2
}

function firstDraft({ grantable, environments, policy }: Session): Draft {
  const served = grantable.environments === '*' ? environments : grantable.environments
  // An axis with one name leaves nothing to choose.
  const only = (names: Scope[AxisName]) => (names !== '*' && names.length === 1 ? names : [])
  const scope = {
    tenants: only(grantable.tenants),
    environments: only(served),
    workflows: only(grantable.workflows),
  }
  return { name: '', scope, expiry: recommended(policy), secrets: policy.secrets ?? 2 }
}

/** The names of the fields that are not filled in. */
function missing(draft: Draft, expiresAt: number | null | undefined): ReadonlySet<string> {
  return new Set([
    ...(draft.name.trim() === '' ? ['name'] : []),
    ...AXES.filter((axis) => draft.scope[axis].length === 0),
    ...(expiresAt === undefined ? ['expiry'] : []),
  ])
}

/** A random value that the server accepts as an `Idempotency-Key`. Works over plain HTTP. */
function randomKey(): string {
  // Browsers offer it only on a secure origin.
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID()
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('')
}

function SecretsPicker({ value, onValue }: { value: 1 | 2; onValue: (count: 1 | 2) => void }) {
  const { t } = usePane()
  const choice = (count: 1 | 2, label: string, note: string) => (
    <Choice
      type="radio"
      name="secrets"
      isChosen={value === count}
      onChoose={() => onValue(count)}
      label={label}
      note={note}
    />
  )
  return (
    <Group legend={t('column_secrets')}>
      {choice(2, t('two_secrets'), t('two_secrets_note'))}
      {choice(1, t('one_secret'), t('one_secret_note'))}
    </Group>
  )
}

/** The fields of a new key. */
function Fields({
  draft,
  errors,
  onDraft,
}: {
  draft: Draft
  errors: ReadonlySet<string>
  onDraft: (change: Partial<Draft>) => void
}) {
  const { t, session } = usePane()
  return (
    <>
      <Field
        label={t('name')}
        note={t('name_note')}
        error={errors.has('name') ? t('name_missing') : undefined}
        maxLength={128}
        value={draft.name}
        onText={(name) => onDraft({ name })}
        data-focus
      />
      {AXES.map((axis) => (
        <AxisPicker
          axis={axis}
          value={draft.scope[axis]}
          onValue={(value) => onDraft({ scope: { ...draft.scope, [axis]: value } })}
          error={errors.has(axis) ? t('choose_one') : undefined}
        />
      ))}
      <ExpiryPicker
        value={draft.expiry}
        onValue={(expiry) => onDraft({ expiry })}
        error={errors.has('expiry') ? t('expiry_missing') : undefined}
      />
      {session.policy.secrets === undefined && (
        <SecretsPicker value={draft.secrets} onValue={(secrets) => onDraft({ secrets })} />
      )}
    </>
  )
}

function useCreation() {
  const { keys, show, back } = usePane()
  const action = useAction()
  const idempotencyKey = useRef(randomKey())
  const sent = useRef<{ draft: Draft; body: NewKey } | undefined>(undefined)
  const [repeated, setRepeated] = useState<Issued>()
  const create = async (draft: Draft, expiresAt: number | null) => {
    const { name, scope, secrets } = draft
    // A retry sends the same body, or the server would take it for another key.
    if (sent.current?.draft !== draft)
      sent.current = {
        draft,
        body: { name: name.trim(), scope, expiresAt, secondary: secrets === 2 },
      }
    const { body } = sent.current
    const outcome = await action.run(() => api.create(body, idempotencyKey.current))
    if (outcome === undefined) return
    keys.add(outcome.value.key)
    if (outcome.value.primary === null) return setRepeated(outcome.value)
    show(outcome.value)
    back()
  }
  return { action, create, repeated }
}

/** The key exists, and its secrets got lost with the first answer. */
function Repeated({ issued }: { issued: Issued }) {
  const { t, go, can } = usePane()
  const { id } = issued.key
  return (
    <div class="dialog-body">
      <p>{t('repeated')}</p>
      <p class="muted">{t('cannot_show')}</p>
      {can('renew') && (
        <button
          type="button"
          class="primary"
          onClick={() => go({ at: 'key', id, screen: 'renew' })}
        >
          {t('renew_menu')}
        </button>
      )}
    </div>
  )
}

/** The form for a new key. */
export function Create() {
  const pane = usePane()
  const { t, session, now } = pane
  const [draft, setDraft] = useState(() => firstDraft(session))
  const [attempts, setAttempts] = useState(0)
  const form = useRef<HTMLFormElement>(null)
  const { action, create, repeated } = useCreation()
  const expiresAt = expiryTime(draft.expiry, now, session.policy)
  const errors = missing(draft, expiresAt)
  const submit = (event: Event) => {
    event.preventDefault()
    setAttempts(attempts + 1)
    if (errors.size === 0 && expiresAt !== undefined) void create(draft, expiresAt)
  }
  useEffect(() => {
    if (attempts === 0) return
    const wrong = '[aria-invalid="true"], fieldset:has([data-error]) input'
    form.current?.querySelector<HTMLElement>(wrong)?.focus()
  }, [attempts])
  if (repeated !== undefined) return <Repeated issued={repeated} />
  return (
    <form class="dialog-form" ref={form} onSubmit={submit} noValidate>
      <div class="dialog-body">
        <Fields
          draft={draft}
          errors={attempts > 0 ? errors : new Set()}
          onDraft={(change) => setDraft({ ...draft, ...change })}
        />
      </div>
      <footer class="dialog-foot">
        <Problem
          failure={action.failure}
          onRetry={() => form.current?.requestSubmit()}
          isRepeatable
        />
        <p class="summary">
          {AXES.some((axis) => draft.scope[axis].length === 0)
            ? t('reaches_nothing')
            : t('reaches', { scope: scopeText(draft.scope, pane) })}
        </p>
        <button type="submit" class="primary" aria-disabled={action.busy}>
          {t(action.busy ? 'creating' : 'create')}
        </button>
      </footer>
    </form>
  )
}
