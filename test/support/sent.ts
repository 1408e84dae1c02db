import {
  type Anonymous,
  type Decision,
  from,
  type Requirement,
  type Twinkey,
  type WireRequest,
} from 'twinkey'

/** The content of a request: a credential, and a header for each named axis. */
export interface Sent {
  readonly credential?: string | undefined
  readonly tenant?: string | undefined
  readonly environment?: string | undefined
  readonly workflow?: string | undefined
}

/** A route whose target comes from headers, all of them optional. */
export const byHeaders = {
  tenant: from.header('x-tenant', { optional: true }),
  environment: from.header('x-environment', { optional: true }),
  workflow: from.header('x-workflow', { optional: true }),
} satisfies Requirement

/** A route that serves no target. */
export const anyTarget = { anyTarget: true } satisfies Requirement

export function sent({ credential, tenant, environment, workflow }: Sent): WireRequest {
  const headers: Record<string, string | undefined> = {
    authorization: credential === undefined ? undefined : `Bearer ${credential}`,
    'x-tenant': tenant,
    'x-environment': environment,
    'x-workflow': workflow,
  }
  return { method: 'GET', url: '/', header: (name) => headers[name], param: () => undefined }
}

/** The code with which a route without a target refuses a credential, or `'let in'`. */
export async function verdict(twinkey: Twinkey, credential: string): Promise<string> {
  return codeOf(await twinkey.authenticate(sent({ credential }), anyTarget))
}

/** The code of a refusal, or `'let in'`. */
export function codeOf(
  decision: Decision | { readonly ok: boolean; readonly refusal?: { readonly code: string } },
): string {
  return decision.ok
    ? 'let in'
    : ((decision as { refusal: { code: string } }).refusal.code as string)
}

/** A synchronous decision, or undefined if the decision is a promise. */
export function decidedNow(
  decider: { decide: Twinkey['decide'] },
  ...args: Parameters<Twinkey['decide']>
): Decision | Anonymous | undefined {
  const decision = decider.decide(...args)
  if (!('then' in decision)) return decision
  decision.catch(() => {})
  return undefined
}
