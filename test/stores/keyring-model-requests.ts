import fc from 'fast-check'
import type { Scope, Target, Twinkey } from 'twinkey'
import { expect } from 'vitest'
import { byHeaders, decidedNow, sent } from '../support/sent.ts'
import { expectedView, foundView, type ModelSecret } from './keyring-model-key.ts'
import type { Nodes } from './keyring-model-nodes.ts'
import { narrowed, resolve, sorted } from './keyring-model-scope.ts'
import {
  count,
  endOf,
  type Holder,
  heard,
  type KeyringCommand,
  type KeyringModel,
  type ModelToken,
  pickOf,
  possibleHolders,
  seenBy,
  used,
} from './keyring-model-state.ts'

const INVALID = { code: 'credential_invalid' }
const MAX_LIFETIME_SECONDS = 3600

/** A credential among all that were issued, by the numbers that a command is generated with. */
export interface Pick {
  readonly kind: 'secret' | 'token'
  readonly pick: number
}

export function exists(model: Readonly<KeyringModel>, { kind }: Pick): boolean {
  return (kind === 'secret' ? model.secrets : model.tokens).length > 0
}

export function credentialOf(
  model: Readonly<KeyringModel>,
  { kind, pick }: Pick,
): ModelSecret | ModelToken {
  return kind === 'secret' ? pickOf(model.secrets, pick) : pickOf(model.tokens, pick)
}

/** What `keys.verify` or `tokens.verify` answers, in the form of {@link expectedVerdict}. */
export async function verdictOf(twinkey: Twinkey, credential: ModelSecret | ModelToken) {
  const answer = await ('secret' in credential
    ? twinkey.tokens.verify(credential.text)
    : twinkey.keys.verify(credential.text))
  if (!answer.ok) return { code: answer.refusal.code }
  return { slot: answer.slot, scope: sorted(answer.scope), key: foundView(answer.key) }
}

export function expectedVerdict(holder: Holder, now: number) {
  return holder === undefined
    ? INVALID
    : { slot: holder.slot, scope: sorted(holder.scope), key: expectedView(holder.key, now) }
}

export async function verifyOne(
  model: KeyringModel,
  nodes: Nodes,
  node: number,
  credential: ModelSecret | ModelToken,
): Promise<void> {
  await heard(model, nodes)
  const expected = possibleHolders(model, node, credential).map((holder) =>
    expectedVerdict(holder, model.clock.now()),
  )
  const found = await verdictOf(nodes.twinkeys[node] as Twinkey, credential)
  expect(expected).toContainEqual(found)
  await settle(model, nodes.twinkeys[node] as Twinkey, credential, 'slot' in found)
  const different = new Set(expected.map((each) => JSON.stringify(each))).size > 1
  const kind = 'secret' in credential ? 'token' : 'secret'
  count(
    model,
    `verify ${kind}`,
    `${'code' in found ? found.code : 'let in'}${different ? ', one of several' : ''}`,
  )
}

/** Verifies any secret or token that was ever issued, on any node. */
export function verify(node: number, which: Pick): KeyringCommand {
  return {
    check: (model) => exists(model, which),
    run: (model, nodes) => verifyOne(model, nodes, node, credentialOf(model, which)),
    toString: () => `verify(node ${node}, ${which.kind} ${which.pick})`,
  }
}

/**
 * Verifies a credential that will end, or whose latest change not every node has seen: now, and at
 * that moment or a millisecond before or after it.
 */
export function verifyAt(
  moment: 'end' | 'seen',
  node: number,
  pick: number,
  offset: number,
): KeyringCommand {
  const momentOf = moment === 'end' ? endOf : seenBy
  return {
    check: (model) => withFuture(model, momentOf).length > 0,
    async run(model, nodes) {
      const credential = pickOf(withFuture(model, momentOf), pick)
      const at = momentOf(model, credential) as number
      await verifyOne(model, nodes, node, credential)
      model.clock.advance(Math.max(0, at + offset - model.clock.now()))
      await verifyOne(model, nodes, node, credential)
    },
    toString: () => `verifyAt(${moment}, node ${node}, credential ${pick}, ${offset} ms)`,
  }
}

/** The credentials whose moment is still to come. */
export function withFuture(
  model: Readonly<KeyringModel>,
  momentOf: typeof endOf,
): (ModelSecret | ModelToken)[] {
  return [...model.secrets, ...model.tokens].filter(
    (credential) => (momentOf(model, credential) ?? 0) > model.clock.now(),
  )
}

/** Sends a request with a target, as adapters do: synchronously where possible. */
export function authenticate(node: number, which: Pick, named: Target): KeyringCommand {
  return {
    check: (model) => exists(model, which),
    async run(model, nodes) {
      await heard(model, nodes)
      const twinkey = nodes.twinkeys[node] as Twinkey
      const credential = credentialOf(model, which)
      const target = {
        ...named,
        tenant: named.tenant === undefined ? undefined : `${model.run}-${named.tenant}`,
      }
      const expected = possibleHolders(model, node, credential).map((holder) =>
        expectedDecision(holder, target, credential),
      )
      const request = sent({ credential: credential.text, ...target })
      const now = decidedNow(twinkey, request, byHeaders)
      for (const decision of [
        ...(now === undefined ? [] : [now]),
        await twinkey.authenticate(request, byHeaders),
      ]) {
        const found = decision.ok
          ? { ...decision.principal, scope: sorted((decision.principal as { scope: Scope }).scope) }
          : { code: decision.refusal.code, axis: decision.refusal.axis }
        expect(expected).toContainEqual(found)
        await settle(model, twinkey, credential, decision.ok)
        count(
          model,
          'authenticate',
          decision.ok
            ? `let in${now === undefined ? '' : ' without waiting'}`
            : decision.refusal.code,
        )
      }
    },
    toString: () =>
      `authenticate(node ${node}, ${which.kind} ${which.pick}, ${fc.stringify(named)})`,
  }
}

/** Exchanges any secret for a token. */
export function issue(
  node: number,
  pick: number,
  asked: Partial<Scope>,
  lifetimeSeconds: number | undefined,
): KeyringCommand {
  return {
    check: (model) => model.secrets.length > 0 && model.tokens.length < 20,
    async run(model, nodes) {
      await heard(model, nodes)
      const twinkey = nodes.twinkeys[node] as Twinkey
      const secret = pickOf(model.secrets, pick)
      const scope = withTenants(asked, model.run)
      const holders = possibleHolders(model, node, secret)
      const expected = holders.flatMap((holder) =>
        expectedIssue(holder, scope, lifetimeSeconds ?? MAX_LIFETIME_SECONDS, model.clock.now()),
      )
      const issued = await twinkey.tokens.issue(secret.text, { scope, lifetimeSeconds })
      const found = issued.ok
        ? {
            ...{
              scope: sorted(issued.scope),
              issuedAt: issued.issuedAt,
              expiresAt: issued.expiresAt,
            },
            lifetimeSeconds: issued.lifetimeSeconds,
          }
        : { code: issued.refusal.code }
      expect(expected).toContainEqual(found)
      await twinkey.flush()
      if (issued.ok) {
        used(model, secret, 'certainly')
        model.tokens.push({
          text: issued.token,
          secret,
          scope: issued.scope,
          expiresAt: issued.expiresAt,
        })
      } else if (holders.some((holder) => holder !== undefined)) {
        // The contract does not say whether an active secret counts as used when the token is
        // refused.
        used(model, secret, 'perhaps')
      }
      count(model, 'issue', issued.ok ? 'issued' : issued.refusal.code)
    },
    toString: () =>
      `issue(node ${node}, secret ${pick}, ${fc.stringify(asked)}, ${lifetimeSeconds} s)`,
  }
}

/** Waits until the noted uses of a node are written, and records them in the model. */
export async function settle(
  model: KeyringModel,
  twinkey: Twinkey,
  credential: ModelSecret | ModelToken,
  letIn: boolean,
): Promise<void> {
  await twinkey.flush()
  if (letIn) used(model, 'secret' in credential ? credential.secret : credential, 'certainly')
}

/** A scope with the tenants of this run. */
export function withTenants<S extends Partial<Scope>>(scope: S, run: string): S {
  const { tenants } = scope
  return tenants === undefined || tenants === '*'
    ? scope
    : { ...scope, tenants: tenants.map((tenant) => `${run}-${tenant}`) }
}

function expectedDecision(holder: Holder, named: Target, credential: ModelSecret | ModelToken) {
  if (holder === undefined) return { ...INVALID, axis: undefined }
  const { key, slot } = holder
  const target = resolve(holder.scope, named)
  if ('code' in target) return target
  const { id: keyId, name, owner, metadata } = key
  const token = 'secret' in credential ? credential : undefined
  const ends = [key.expiresAt, key[slot]?.expiresAt, token?.expiresAt].filter(
    (end) => typeof end === 'number',
  )
  return {
    ...{
      keyId,
      name,
      username: undefined,
      owner,
      metadata,
      slot,
      via: token === undefined ? 'secret' : 'token',
      expiresAt: ends.length === 0 ? null : Math.min(...ends),
      scope: sorted(holder.scope),
    },
    ...target,
  }
}

function expectedIssue(
  holder: Holder,
  asked: Partial<Scope>,
  lifetimeSeconds: number,
  now: number,
): object[] {
  if (holder === undefined || !holder.key.tokens) return [INVALID]
  const { scope, refusals } = narrowed(holder.scope, asked)
  const ends = [holder.key.expiresAt, holder.key[holder.slot]?.expiresAt ?? null].filter(
    (end) => end !== null,
  )
  // Whole seconds, and never past the end of the key or of the secret.
  const issuedAt = Math.floor(now / 1000)
  const expiresAt = Math.min(
    issuedAt + lifetimeSeconds,
    ...ends.map((end) => Math.floor(end / 1000)),
  )
  const codes = [...refusals, ...(expiresAt <= issuedAt ? [INVALID.code] : [])]
  if (codes.length > 0) return codes.map((code) => ({ code }))
  return [
    {
      scope: sorted(scope),
      issuedAt: issuedAt * 1000,
      expiresAt: expiresAt * 1000,
      lifetimeSeconds: expiresAt - issuedAt,
    },
  ]
}
