import { useState } from 'preact/hooks'
import { useAction } from '../base/action.ts'
import { api } from '../base/api.ts'
import { useDraft } from '../base/draft.ts'
import { type ApiKey, AXES, type Scope, type Session } from '../base/model.ts'
import { usePane } from '../base/pane.ts'
import { AxisPicker } from '../create/axis-picker.tsx'
import { type Expiry, expiryTime } from '../create/expiry.ts'
import { ExpiryPicker } from '../create/expiry-picker.tsx'
import { Field, useFocusOnWrong } from '../parts/fields.tsx'
import { Kept } from '../parts/kept.tsx'
import { Problem } from '../parts/problem.tsx'
import { scopeText } from '../parts/reach.tsx'
import { PolicyFields, type Refusals, useRefusals } from '../policies/policy-fields.tsx'
import { missingPolicies, type PolicyForm, policyFormOf } from '../policies/policy-form.ts'
import { allowedNetworks, chosenPolicies } from '../policies/rights.ts'

/** What the person changed. Members that are absent follow the key. */
interface Changes {
  readonly name?: string
  readonly scope?: Partial<Scope>
  readonly expiry?: Expiry
  readonly policies?: Partial<PolicyForm>
}

const policiesOf = (key: ApiKey, { policies }: Changes, session: Session): PolicyForm => ({
  ...policyFormOf(key, allowedNetworks(session, key)),
  ...policies,
})

/** The body of the request: only what differs from the key. */
function bodyOf(
  key: ApiKey,
  changes: Changes,
  expiresAt: number | null | undefined,
  session: Session,
) {
  const { name, scope, expiry } = changes
  const after = { ...key.scope, ...scope }
  return {
    ...(name !== undefined && name.trim() !== key.name && { name: name.trim() }),
    ...(JSON.stringify(after) !== JSON.stringify(key.scope) && { scope: after }),
    ...(expiry !== undefined && expiry.kind !== 'keep' && { expiresAt }),
    ...chosenPolicies(session, policiesOf(key, changes, session), key),
  }
}

function Fields({
  of: key,
  changes,
  errors,
  refusals,
  onChange,
}: {
  of: ApiKey
  changes: Changes
  errors: ReadonlySet<string>
  refusals: Refusals
  onChange: (changes: Changes) => void
}) {
  const { t, session } = usePane()
  const { name = key.name, expiry = { kind: 'keep' } } = changes
  return (
    <>
      <Field
        label={t('name')}
        error={name.trim() === '' ? t('name_missing') : undefined}
        maxLength={128}
        value={name}
        onText={(text) => onChange({ ...changes, name: text })}
        data-focus
      />
      {AXES.map((axis) => {
        const value = changes.scope?.[axis] ?? key.scope[axis]
        return (
          <AxisPicker
            axis={axis}
            value={value}
            onValue={(next) => onChange({ ...changes, scope: { ...changes.scope, [axis]: next } })}
            error={value.length === 0 ? t('choose_one') : undefined}
          />
        )
      })}
      <ExpiryPicker
        value={expiry}
        current={key.expiresAt}
        onValue={(next) => onChange({ ...changes, expiry: next })}
      />
      <PolicyFields
        value={policiesOf(key, changes, session)}
        onValue={(next) => onChange({ ...changes, policies: { ...changes.policies, ...next } })}
        errors={errors}
        refusals={refusals}
        of={key}
      />
    </>
  )
}

/** The form that changes a key. Typed text survives a conflict, and closing. */
export function Edit({ of: key }: { of: ApiKey }) {
  const pane = usePane()
  const { t, keys, back, now, session } = pane
  const draft = useDraft<Changes>(`edit ${key.id}`, () => ({}))
  const changes = draft.value
  const action = useAction(key)
  const scope = { ...key.scope, ...changes.scope }
  const expiresAt = expiryTime(changes.expiry ?? { kind: 'keep' }, now, session.policy)
  const [attempts, setAttempts] = useState(0)
  const policies = policiesOf(key, changes, session)
  const missing = missingPolicies(policies)
  const refusals = useRefusals(action.failure, policies)
  const element = useFocusOnWrong(attempts, refusals)
  const isComplete =
    (changes.name ?? key.name).trim() !== '' &&
    AXES.every((axis) => scope[axis].length > 0) &&
    expiresAt !== undefined
  const save = async (event?: Event) => {
    event?.preventDefault()
    setAttempts(attempts + 1)
    if (!isComplete || missing.length > 0) return
    const body = bodyOf(key, changes, expiresAt, session)
    if (Object.keys(body).length === 0) {
      draft.forget()
      return back()
    }
    const outcome = await action.run(() => api.update(key, body))
    if (outcome === undefined) return
    draft.forget()
    keys.put(outcome.value)
    back()
  }
  return (
    <form class="dialog-form" ref={element} onSubmit={save} noValidate>
      <div class="dialog-body">
        <Kept of={draft} />
        <Fields
          of={key}
          changes={changes}
          errors={new Set(attempts > 0 ? missing : [])}
          refusals={refusals}
          onChange={draft.set}
        />
      </div>
      <footer class="dialog-foot">
        <Problem failure={refusals.other} onRetry={save} />
        <p class="summary">{t('reaches', { scope: scopeText(scope, pane) })}</p>
        <button type="submit" class="primary" aria-disabled={action.busy || !isComplete}>
          {t(action.busy ? 'saving' : 'save')}
        </button>
      </footer>
    </form>
  )
}
