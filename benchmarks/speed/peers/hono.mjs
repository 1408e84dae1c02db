// The built-in middlewares of Hono.
import { bearerAuth } from 'hono/bearer-auth'
import { jwt } from 'hono/jwt'
import { decodeJwt, importJWK, SignJWT } from 'jose'
import { credentialsOf, WORKFLOW } from '../keys.mjs'
import { createSecretCheck, reaches } from '../minimal.mjs'
import { tokenOptions, tokensOf } from '../warm.mjs'

export const PEERS = {
  'hono/bearer-auth, one static key': {
    takes: 'keys',
    peer: true,
    less: 'one key for all callers, kept as it is, without a scope',
    open() {
      const credentials = credentialsOf(1)
      return { credentials, install: () => bearerAuth({ token: credentials[0].text }) }
    },
  },
  'hono/bearer-auth, a function': {
    takes: 'keys',
    peer: true,
    open(_host, { keys }) {
      const check = createSecretCheck(keys)
      const verifyToken = (secret, c) =>
        check(secret, c.req.param('tenant'), WORKFLOW) !== undefined
      return { credentials: credentialsOf(keys), install: () => bearerAuth({ verifyToken }) }
    },
  },
  'hono/jwt': {
    takes: 'tokens',
    peer: true,
    async open(_host, { tokens }) {
      const { credentials, jwk, rules } = await tokensOf(tokens)
      const verification = { iss: rules.issuer, aud: rules.audience }
      const verify = jwt({ secret: await importJWK(jwk, 'ES256'), alg: 'ES256', verification })
      const within = (c, next) =>
        reaches(c.get('jwtPayload'), c.req.param('tenant'), WORKFLOW) ? next() : c.body(null, 403)
      return {
        credentials: await Promise.all(credentials.map(asPlainJwt)),
        install: () => [verify, within],
      }
    },
  },
}

// hono/jwt accepts only the type JWT, so this signs the same claims again with that type.
async function asPlainJwt({ tenant, text }) {
  const [jwk] = tokenOptions.signingKeys
  const token = new SignJWT(decodeJwt(text)).setProtectedHeader({
    alg: 'ES256',
    kid: jwk.kid,
    typ: 'JWT',
  })
  return { tenant, text: await token.sign(await importJWK(jwk, 'ES256')) }
}
