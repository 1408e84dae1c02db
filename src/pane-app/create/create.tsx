import { useState } from 'preact/hooks'
import { useAction } from '../base/action.ts'
import { api, type NewKey } from '../base/api.ts'
import { type Draft, useDraft } from '../base/draft.ts'
import { AXES, type AxisName, type Issued, type Scope, type Session } from '../base/model.ts'
import { usePane } from '../base/pane.ts'
import { Choice, Field, Group, useFocusOnWrong } from '../parts/fields.tsx'
import { Kept } from '../parts/kept.tsx'
import { Problem } from '../parts/problem.tsx'
import { scopeText } from '../parts/reach.tsx'
import { PolicyFields, type Refusals, useRefusals } from '../policies/policy-fields.tsx'
import { missingPolicies, NO_POLICIES, type PolicyForm } from '../policies/policy-form.ts'
import { chosenPolicies } from '../policies/rights.ts'
import { AxisPicker } from './axis-picker.tsx'
import { type Expiry, expiryTime, recommended } from './expiry.ts'
import { ExpiryPicker } from './expiry-picker.tsx'

/** What the fields say. */
interface Form {
  readonly name: string
  readonly scope: Scope
  readonly expiry: Expiry
  readonly secrets: 1 | 2
  readonly policies: PolicyForm
}

/** A form, and what a retry of it must repeat. */
interface Creation {
  readonly form: Form
  readonly idempotencyKey: string
  /** The last request, and the form that it was made from. */
  readonly sent?: { readonly form: Form; readonly body: NewKey }
}

function firstForm({ grantable, environments, policy }: Session): Form {
  const served = grantable.environments === '*' ? environments : grantable.environments
  // An axis with one name leaves nothing to choose.
  const only = (names: Scope[AxisName]) => (names !== '*' && names.length === 1 ? names : [])
  const scope = {
    tenants: only(grantable.tenants),
    environments: only(served),
    workflows: only(grantable.workflows),
  }
  return {
    name: '',
    scope,
    expiry: recommended(policy),
    secrets: policy.secrets ?? 2,
    policies: NO_POLICIES,
  }
}

/** The names of the fields that are not filled in. */
function missing(form: Form, expiresAt: number | null | undefined): ReadonlySet<string> {
  return new Set([
    ...(form.name.trim() === '' ? ['name'] : []),
    ...AXES.filter((axis) => form.scope[axis].length === 0),
    ...(expiresAt === undefined ? ['expiry'] : []),
    ...missingPolicies(form.policies),
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
  form,
  errors,
  refusals,
  onForm,
}: {
  form: Form
  errors: ReadonlySet<string>
  refusals: Refusals
  onForm: (change: Partial<Form>) => void
}) {
  const { t, session } = usePane()
  return (
    <>
      <Field
        label={t('name')}
        note={t('name_note')}
        error={errors.has('name') ? t('name_missing') : undefined}
        maxLength={128}
        value={form.name}
        onText={(name) => onForm({ name })}
        data-focus
      />
      {AXES.map((axis) => (
        <AxisPicker
          axis={axis}
          value={form.scope[axis]}
          onValue={(value) => onForm({ scope: { ...form.scope, [axis]: value } })}
          error={errors.has(axis) ? t('choose_one') : undefined}
        />
      ))}
      <ExpiryPicker
        value={form.expiry}
        onValue={(expiry) => onForm({ expiry })}
        error={errors.has('expiry') ? t('expiry_missing') : undefined}
      />
      {session.policy.secrets === undefined && (
        <SecretsPicker value={form.secrets} onValue={(secrets) => onForm({ secrets })} />
      )}
      <PolicyFields
        value={form.policies}
        onValue={(change) => onForm({ policies: { ...form.policies, ...change } })}
        errors={errors}
        refusals={refusals}
      />
    </>
  )
}

function useCreation(draft: Draft<Creation>) {
  const { keys, show, back, session } = usePane()
  const action = useAction()
  const [repeated, setRepeated] = useState<Issued>()
  const create = async (expiresAt: number | null) => {
    const { form, idempotencyKey, sent } = draft.value
    const { name, scope, secrets, policies } = form
    // A retry sends the same body, or the server would take it for another key.
    const body =
      sent?.form === form
        ? sent.body
        : {
            name: name.trim(),
            scope,
            expiresAt,
            secondary: secrets === 2,
            ...chosenPolicies(session, policies),
          }
    draft.set({ form, idempotencyKey, sent: { form, body } })
    const outcome = await action.run(() => api.create(body, idempotencyKey))
    if (outcome === undefined) return
    draft.forget()
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

/** The form for a new key. Closing it loses nothing. */
export function Create() {
  const pane = usePane()
  const { t, session, now } = pane
  const draft = useDraft<Creation>('create', () => ({
    form: firstForm(session),
    idempotencyKey: randomKey(),
  }))
  const { form } = draft.value
  const [attempts, setAttempts] = useState(0)
  const { action, create, repeated } = useCreation(draft)
  const expiresAt = expiryTime(form.expiry, now, session.policy)
  const errors = missing(form, expiresAt)
  const refusals = useRefusals(action.failure, form.policies)
  const element = useFocusOnWrong(attempts, refusals)
  const submit = (event: Event) => {
    event.preventDefault()
    setAttempts(attempts + 1)
    if (errors.size === 0 && expiresAt !== undefined) void create(expiresAt)
  }
  if (repeated !== undefined) return <Repeated issued={repeated} />
  return (
    <form class="dialog-form" ref={element} onSubmit={submit} noValidate>
      <div class="dialog-body">
        <Kept of={draft} />
        <Fields
          form={form}
          errors={attempts > 0 ? errors : new Set()}
          refusals={refusals}
          onForm={(change) => draft.set({ ...draft.value, form: { ...form, ...change } })}
        />
      </div>
      <footer class="dialog-foot">
        <Problem
          failure={refusals.other}
          onRetry={() => element.current?.requestSubmit()}
          isRepeatable
        />
        <p class="summary">
          {AXES.some((axis) => form.scope[axis].length === 0)
            ? t('reaches_nothing')
            : t('reaches', { scope: scopeText(form.scope, pane) })}
        </p>
        <button type="submit" class="primary" aria-disabled={action.busy}>
          {t(action.busy ? 'creating' : 'create')}
        </button>
      </footer>
    </form>
  )
}
