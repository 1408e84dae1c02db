import { negated } from './forge-signatures.ts'
import { type Forging, nested, sealed } from './forge-token.ts'

// Without these, a hostile token could be refused for a reason other than its attack.

/** Tokens that differ from the good one only in what is free, and are accepted like it. */
export function goodTokens(f: Forging): Readonly<Record<string, string>> {
  const { alg, kid } = f.header
  const { aud, ...claims } = f.claims
  const header = (typ: string) => sealed(f, { header: { ...f.header, typ } })
  const payload = (change: Record<string, unknown>) =>
    sealed(f, { payload: { ...f.claims, ...change } })
  return {
    'as issued': f.token,
    'signed again': sealed(f, {}),
    // The other signature of ECDSA is not another token: it says the same, and ends with the same
    // key.
    ...(f.algorithm === 'ES256'
      ? { 'with the other signature that ECDSA allows': negated(f.token) }
      : {}),
    'of a type in upper case': header('AT+JWT'),
    'of the type in full': header('application/at+jwt'),
    'of the type in full, in another case': header('Application/AT+Jwt'),
    'with the members of its header in another order': sealed(f, {
      header: { kid, typ: 'at+jwt', alg },
    }),
    'with its claims in another order': sealed(f, { payload: { aud, ...claims } }),
    'with an audience in a list': payload({ aud: [aud] }),
    'with more audiences': payload({ aud: ['https://other.example', aud] }),
    'issued ahead by the skew': payload({ iat: f.now + 30, exp: f.now + 3630 }),
    'valid since long ago': payload({ nbf: 1 }),
    'valid from now on': payload({ nbf: f.now }),
    'valid ahead by the skew': payload({ nbf: f.now + 30 }),
    'with a second to live': payload({ iat: f.now - 3599, exp: f.now + 1 }),
    'with claims that are not known': payload({
      roles: ['admin'],
      act: { sub: 'x' },
      cnf: { jkt: 'x' },
    }),
    'with a claim named __proto__ besides': sealed(f, {
      payload: JSON.stringify(f.claims).replace('{', '{"__proto__":{"tenants":"*"},'),
    }),
    'with a scope string that says less': payload({ scope: 'tenant:u' }),
    'with claims as long as they may be': sealed(f, { payload: longest(f) }),
    'with claims as deep as fits': sealed(f, { payload: deepest(f) }),
  }
}

/** Tokens that claim more than their key has: they are accepted, with the scope of the key. */
export function greedyTokens(f: Forging): Readonly<Record<string, string>> {
  const payload = (change: Record<string, unknown>) =>
    sealed(f, { payload: { ...f.claims, ...change } })
  return {
    'of all tenants': payload({ tenants: '*' }),
    'of another tenant too': payload({ tenants: ['u', 't'] }),
    'of all workflows': payload({ workflows: '*' }),
    'of everything': payload({
      tenants: '*',
      environments: '*',
      workflows: '*',
      scope: 'tenant:* environment:* workflow:*',
    }),
  }
}

/** Valid tokens that reach nothing that the good one does: a name is that name, and no pattern. */
export function reachlessTokens(f: Forging): Readonly<Record<string, string>> {
  const names = [
    [],
    ['x'],
    ['t*'],
    ['T'],
    ['t '],
    ['%74'],
    ['t/'],
    ['t,u'],
    ['**'],
    ['.*'],
    ['t%00'],
    ['\u0442'],
  ]
  const found: Record<string, string> = {}
  for (const reach of ['tenants', 'workflows'])
    for (const each of names)
      found[`${reach} ${JSON.stringify(each)}`] = sealed(f, {
        payload: { ...f.claims, [reach]: each },
      })
  return found
}

/** Claims that make a token as long as allowed. */
export function longest(f: Forging): Record<string, unknown> {
  const claims = (length: number) => ({ ...f.claims, x: 'a'.repeat(length) })
  for (let length = Math.floor(((8192 - f.token.length) * 3) / 4); ; length--) {
    if (sealed(f, { payload: claims(length) }).length <= 8192) return claims(length)
  }
}

function deepest(f: Forging): Record<string, unknown> {
  const claims = (depth: number) => ({ ...f.claims, x: nested(depth) })
  for (let depth = Math.floor(((8192 - f.token.length) * 3) / 8); ; depth--) {
    if (sealed(f, { payload: claims(depth) }).length <= 8192) return claims(depth)
  }
}
