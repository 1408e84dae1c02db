import type { Metadata } from '../core/model/api-key.ts'
import type { CreateKeyInput } from '../core/model/key-input.ts'
import type { ApiKey } from '../core/model/key-view.ts'
import type { Refused } from '../core/model/principal.ts'
import type { ScopeInput } from '../core/model/scope.ts'

/** What {@link createTestKey} needs of a Twinkey. */
export interface TestKeyIssuer<M extends Metadata = Metadata> {
  readonly keys: {
    create(input: CreateKeyInput<M>): Promise<{ readonly key: ApiKey<M>; readonly primary: string }>
  }
  readonly tokens: {
    issue(secret: string): Promise<{ readonly ok: true; readonly token: string } | Refused>
  }
}

/** The attributes of a test key. An omitted axis of the scope is `'*'`. */
export type TestKeyOptions<M extends Metadata = Metadata> = ScopeInput &
  Partial<Omit<CreateKeyInput<M>, 'scope' | 'secondary'>> & {
    /** True exchanges the secret for a token, and the headers carry the token. Default: false. */
    readonly token?: boolean | undefined
  }

/** A key for a test, with what a request needs. */
export interface TestKey<M extends Metadata = Metadata> {
  readonly key: ApiKey<M>
  readonly secret: string
  /** `Authorization: Bearer` with the secret, or with the token. */
  readonly headers: { readonly authorization: string }
}

/**
 * Creates a key for a test of your own routes. By default it reaches everything and never expires.
 * The headers fit the profiles `standard` and `flowgear`, and with `token: true` also `flare`. For
 * `boomiFlow`, and for a profile of your own, send `secret` in the header of that profile.
 *
 * @param twinkey The Twinkey of the application under test.
 * @param options The scope and other attributes of the key. Default: a scope of `'*'` on each axis,
 *   no owner, no metadata, the name `Test`.
 * @returns The key, its secret, and headers for requests. With `token: true` also the token.
 * @throws TwinkeyError as `keys.create` does, for example `invalid_input`.
 * @throws Error if no token is issued. The message has the code of the refusal.
 * @example
 * ```ts
 * import { createTwinkey } from 'twinkey'
 * import { createTestKey } from 'twinkey/testing'
 *
 * const twinkey = createTwinkey()
 * const { headers } = await createTestKey(twinkey, { tenants: ['t1'], workflows: ['flows.read'] })
 * const request = new Request('http://localhost/flows', { headers })
 * console.log((await twinkey.authenticate(request, { workflow: 'flows.read' })).ok) // true
 * ```
 */
export async function createTestKey<M extends Metadata = Metadata>(
  twinkey: TestKeyIssuer<M>,
  options: TestKeyOptions<NoInfer<M>> & { readonly token: true },
): Promise<TestKey<M> & { readonly token: string }>
export async function createTestKey<M extends Metadata = Metadata>(
  twinkey: TestKeyIssuer<M>,
  options?: TestKeyOptions<NoInfer<M>>,
): Promise<TestKey<M>>
export async function createTestKey<M extends Metadata>(
  twinkey: TestKeyIssuer<M>,
  options: TestKeyOptions<M> = {},
): Promise<TestKey<M>> {
  const {
    tenants = '*',
    environments = '*',
    workflows = '*',
    name = 'Test',
    token: isToken,
    ...others
  } = options
  if ('scope' in others)
    throw new TypeError('createTestKey: give tenants, environments and workflows without scope.')
  const scope = { tenants, environments, workflows }
  const { key, primary: secret } = await twinkey.keys.create({
    ...others,
    name,
    scope,
    secondary: false,
  })
  if (isToken !== true) return { key, secret, headers: { authorization: `Bearer ${secret}` } }
  const issued = await twinkey.tokens.issue(secret)
  if (!issued.ok) throw new Error(`createTestKey: no token was issued: ${issued.refusal.code}.`)
  const { token } = issued
  const withToken: TestKey<M> & { readonly token: string } = {
    key,
    secret,
    token,
    headers: { authorization: `Bearer ${token}` },
  }
  return withToken
}
