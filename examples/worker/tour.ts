import type { ApiKey, CreatedKey, Metadata, RenewedKey } from 'twinkey'
import { call, part, pause, show, soon } from '../call.ts'

/** Two isolates of the Worker over one database, and the credential of its admin routes. */
export interface Deployment {
  readonly here: string
  readonly elsewhere: string
  readonly adminToken: string
}

/** Calls the Worker and prints its answers. */
export async function tour({ here, elsewhere, adminToken }: Deployment): Promise<void> {
  const admin = <T>(method: string, path: string, body?: object) =>
    call<T>(`${here}/admin/keys${path}`, { method, credential: adminToken, ...(body && { body }) })
  const read = (credential: string, tenant = 't1', environment = 'production', at = here) =>
    call(`${at}/tenants/${tenant}/customers`, {
      credential,
      headers: environment === '' ? {} : { 'x-environment': environment },
    })
  const exchange = (credential: string, body: object = {}) =>
    call<{ access_token: string; scope?: string }>(`${here}/tokens`, {
      method: 'POST',
      credential,
      body,
    })

  part('A key')
  const scope = {
    tenants: ['t1', 't2'],
    environments: ['production'],
    workflows: ['customers.read'],
  }
  const { key, primary, secondary } = await show(
    'created',
    admin<CreatedKey>('POST', '', { name: 'Billing', scope }),
  )
  await show('created without a tenant', admin('POST', '', { name: 'Billing', scope: {} }))
  await show('its primary secret', read(primary))
  await show('its secondary secret', read(secondary ?? ''))
  await show('no credential', call(`${here}/tenants/t1/customers`))
  await show('another tenant', read(primary, 't3'))
  await show('another environment', read(primary, 't1', 'test'))
  await show('no environment', read(primary, 't1', ''))
  const headers = { 'x-environment': 'production' }
  await show(
    'another workflow',
    call(`${here}/tenants/t1/customers/7`, { method: 'DELETE', credential: primary, headers }),
  )

  part('A token')
  const { access_token: token } = await show('a token', exchange(primary))
  const { access_token: narrow } = await show(
    'one for t1',
    exchange(primary, { scope: 'tenant:t1' }),
  )
  await show('one wider than the key', exchange(primary, { scope: 'tenant:*' }))
  await show('a token exchanged for a token', exchange(token))
  await show('the token reads t2', read(token, 't2'))
  await show('the one for t1 reads t2', read(narrow, 't2'))
  await show('the token reads t1 elsewhere', read(token, 't1', 'production', elsewhere))
  await show('the caller of the token', call(`${here}/tokens/test`, { credential: token }))
  const { keys } = await show(
    'the public keys',
    call<{ keys: object[] }>(`${here}/tokens/jwks.json`),
  )
  console.log(`  ${keys.length} published`)

  part('After the answer: waitUntil records last uses')
  console.log(
    `  ${await usedOf(() => admin<ApiKey>('GET', `/${key.id}`))} of 2 secrets show their last use`,
  )

  part('A renewed secret')
  const { secondary: secret } = await show(
    'a new secondary',
    admin<RenewedKey<Metadata, 'secondary'>>('POST', `/${key.id}/secondary`),
  )
  await show('the old secondary', read(secondary ?? ''))
  await show('the new secondary', read(secret))
  await show('the new secondary elsewhere', read(secret, 't1', 'production', elsewhere))
  await show('the primary', read(primary))

  part('Revoked')
  await show('revoked', admin('DELETE', `/${key.id}`))
  await show('the token', read(token))
  await show(
    'the token elsewhere, when the cached record is too old',
    soon(401, () => read(token, 't1', 'production', elsewhere)),
  )
}

/** Counts the secrets with a last use, which is written after the answers are sent. */
async function usedOf(ask: () => Promise<{ body: ApiKey }>): Promise<number> {
  const until = Date.now() + 2000
  for (;;) {
    const { primary, secondary } = (await ask()).body
    const used = [primary.lastUsedAt, secondary?.lastUsedAt].filter(
      (at) => at !== null && at !== undefined,
    ).length
    if (used === 2 || Date.now() > until) return used
    await pause(20)
  }
}
