// A Twinkey that knows its keys already, and what its guards hand to it.
import { createTwinkey, generateSigningKey, memoryStore, NodeWireRequest, param } from 'twinkey'
import { requireAuth } from 'twinkey/express'
import { credentialOf, idOf, recordOf, secretOf, WORKFLOW } from './keys.mjs'

export const ISSUER = 'https://api.example'
export const AUDIENCE = 'https://api.example'
/** What a guarded route asks of a request, on every side. */
export const requirement = { tenant: param('tenant'), workflow: WORKFLOW }
/** So long that nothing grows old while it is measured. */
export const LONG = { maxAgeSeconds: 3600, maxKeys: 10_000_000 }

export const tokenOptions = {
  issuer: ISSUER,
  audience: AUDIENCE,
  signingKeys: [await generateSigningKey()],
}

/** The store that comes with Twinkey, with so many keys in it. */
export async function filledStore(count) {
  const store = memoryStore()
  for (let number = 0; number < count; number++) await store.put(recordOf(idOf(number)), undefined)
  return store
}

/** A Twinkey over a store, which has just seen the first `count` keys. */
export async function createWarm(count, store, cache = LONG) {
  const twinkey = createTwinkey({
    store,
    tokens: tokenOptions,
    ...(cache === undefined ? {} : { cache }),
  })
  for (let number = 0; number < count; number++) {
    const verified = await twinkey.keys.verify(secretOf(idOf(number)))
    if (!verified.ok) throw new Error(`key ${number} of the benchmark was refused`)
  }
  return twinkey
}

/** So many tokens, of the first `keys` keys in turn: for which tenant, and with what. */
export async function issueTokens(twinkey, count, keys = count) {
  const issued = []
  for (let number = 0; number < count; number++) {
    const { tenant, text } = credentialOf(idOf(number % keys))
    const { token } = await twinkey.tokens.issue(text)
    issued.push({ tenant, text: token })
  }
  return issued
}

/** Tokens of so many keys, the Twinkey that issued them, and what others need to verify them. */
export async function tokensOf(count) {
  const twinkey = await createWarm(count, await filledStore(count))
  const rules = { issuer: ISSUER, audience: AUDIENCE }
  const [jwk] = (await twinkey.tokens.jwks()).keys
  return { twinkey, credentials: await issueTokens(twinkey, count), rules, jwk }
}

/**
 * A requirement in the form in which a guard hands it to a Twinkey: checked once, when the route is
 * made.
 */
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

/**
 * A request of Node's http module in the form in which the adapters hand it to a Twinkey: made anew
 * for each.
 */
export function wireOf(request) {
  return new NodeWireRequest(request, request, ROUTE)
}
