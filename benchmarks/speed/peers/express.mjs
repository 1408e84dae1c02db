// Middlewares for Express.
import { createPublicKey } from 'node:crypto'
import { expressjwt } from 'express-jwt'
import { auth } from 'express-oauth2-jwt-bearer'
import passport from 'passport'
import { HeaderAPIKeyStrategy } from 'passport-headerapikey'
import { credentialsOf, WORKFLOW } from '../keys.mjs'
import { createSecretCheck, reaches } from '../minimal.mjs'
import { tokensOf } from '../warm.mjs'

export const PEERS = {
  'passport-headerapikey': {
    takes: 'keys',
    peer: true,
    open(_host, { keys }) {
      const check = createSecretCheck(keys)
      const verify = (secret, done, req) =>
        done(null, check(secret, req.params.tenant, WORKFLOW) ?? false)
      passport.use(
        new HeaderAPIKeyStrategy({ header: 'Authorization', prefix: 'Bearer ' }, true, verify),
      )
      return {
        credentials: credentialsOf(keys),
        install: () => passport.authenticate('headerapikey', { session: false }),
      }
    },
  },
  'express-jwt': {
    takes: 'tokens',
    peer: true,
    async open(_host, { tokens }) {
      const { credentials, jwk, rules } = await tokensOf(tokens)
      const secret = createPublicKey({ key: jwk, format: 'jwk' })
      return {
        credentials,
        install: () => [
          expressjwt({ secret, algorithms: ['ES256'], ...rules }),
          withinScope(({ auth: claims }) => claims),
        ],
      }
    },
  },
  'express-oauth2-jwt-bearer': {
    takes: 'tokens',
    peer: true,
    async open(_host, { tokens }) {
      const { credentials, jwk, rules } = await tokensOf(tokens)
      const verify = auth({ ...rules, publicKey: { keys: [jwk] }, tokenSigningAlg: 'ES256' })
      return {
        credentials,
        install: () => [verify, withinScope(({ auth: { payload } }) => payload)],
      }
    },
  },
}

function withinScope(claimsOf) {
  return (req, res, next) => {
    if (reaches(claimsOf(req), req.params.tenant, WORKFLOW)) next()
    else res.status(403).end()
  }
}
