// A Twinkey with cached keys, and the calls of its guards.
import { createTwinkey, from, generateSigningKey, memoryStore } from 'twinkey'
import { requireAuth } from 'twinkey/express'
import { NodeWireRequest } from 'twinkey/http'
import { credentialOf, idOf, recordOf, secretOf, WORKFLOW } from './keys.mjs'

export const ISSUER = 'https://api.example'
export const AUDIENCE = 'https://api.example'
/** The requirement of a guarded route, on every side. */
export const requirement = { tenant: from.param('tenant'), workflow: WORKFLOW }
/** So long that no record expires during the measurement. */
export const LONG = { maxAgeSeconds: 3600, maxKeys: 10_000_000 }

export const tokenOptions = {
  issuer: ISSUER,
  audience: AUDIENCE,
  signingKeys: [await generateSigningKey()],
}

/** The memory store of Twinkey with `count` keys. */
export async function filledStore(count) {
  const store = memoryStore()
  for (let number = 0; number < count; number++) await store.put(recordOf(idOf(number)), undefined)
  return store
}

/** A Twinkey over a store, which has just verified the first `count` keys. */
export async function createWarm(count, store) {
  const twinkey = createTwinkey({ store, tokens: tokenOptions, cache: LONG })
  for (let number = 0; number < count; number++) {
    const verified = await twinkey.keys.verify(secretOf(idOf(number)))
    if (!verified.ok) throw new Error(`key ${number} of the benchmark was refused`)
  }
  return twinkey
}

/** The tenant and the text of `count` tokens, from the first `keys` keys in turn. */
export async function issueTokens(twinkey, count, keys = count) {
  const issued = []
  for (let number = 0; number < count; number++) {
    const { tenant, text } = credentialOf(idOf(number % keys))
    const { token } = await twinkey.tokens.issue(text)
    issued.push({ tenant, text: token })
  }
  return issued
}

/** `count` tokens, the Twinkey that issued them, and what others need to verify them. */
export async function tokensOf(count) {
  const twinkey = await createWarm(count, await filledStore(count))
  const rules = { issuer: ISSUER, audience: AUDIENCE }
  const [jwk] = (await twinkey.tokens.jwks()).keys
  return { twinkey, credentials: await issueTokens(twinkey, count), rules, jwk }
}

/** A requirement as a guard passes it to Twinkey: checked once, when the route is created. */
export function asGuardsHandIt(given) {
  let handed
  const decider = {
    flush: () => undefined,
    decide(_request, checked) {
      handed = checked
      return { ok: true, principal: undefined, noStore: false }
    },
  }
  requireAuth(decider, given)({ rawHeaders: ['a', 'b'], params: { tenant: 'a' } }, {}, () => {})
  return handed
}

const ROUTE = { param: ({ params }, name) => params[name], template: () => undefined }

/** A request of Node's http module as the adapters pass it to Twinkey, new for each call. */
export function wireOf(request) {
  return new NodeWireRequest(request, request, ROUTE)
}
