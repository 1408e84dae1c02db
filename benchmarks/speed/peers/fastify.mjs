// The official plugins of Fastify.
import bearerAuth from '@fastify/bearer-auth'
import jwt from '@fastify/jwt'
import { credentialsOf, WORKFLOW } from '../keys.mjs'
import { createSecretCheck, reaches } from '../minimal.mjs'
import { tokensOf } from '../warm.mjs'
import { pemOf } from './fast-jwt.mjs'

const CACHED_MILLISECONDS = 3_600_000

export const PEERS = {
  '@fastify/bearer-auth, one static key': {
    takes: 'keys',
    peer: true,
    less: 'one key for all callers, kept as it is, without a scope',
    open() {
      const credentials = credentialsOf(1)
      return {
        credentials,
        install: async (app) =>
          void (await app.register(bearerAuth, { keys: new Set([credentials[0].text]) })),
      }
    },
  },
  '@fastify/bearer-auth, a function': {
    takes: 'keys',
    peer: true,
    open(_host, { keys }) {
      const check = createSecretCheck(keys)
      const auth = (secret, request) => check(secret, request.params.tenant, WORKFLOW) !== undefined
      return {
        credentials: credentialsOf(keys),
        install: async (app) => void (await app.register(bearerAuth, { auth })),
      }
    },
  },
  '@fastify/jwt': {
    takes: 'tokens',
    peer: true,
    open: (_host, { tokens }) => verifying(tokens, {}),
  },
  '@fastify/jwt, its cache on': {
    takes: 'tokens',
    peer: true,
    open: (_host, { tokens }) =>
      verifying(tokens, { cache: 2 * tokens, cacheTTL: CACHED_MILLISECONDS }),
  },
}

async function verifying(count, cache) {
  const { credentials, jwk, rules } = await tokensOf(count)
  const verify = {
    algorithms: ['ES256'],
    allowedIss: rules.issuer,
    allowedAud: rules.audience,
    ...cache,
  }
  const install = async (app) => {
    await app.register(jwt, { secret: { public: pemOf(jwk) }, verify })
    return async (request, reply) => {
      await request.jwtVerify()
      if (!reaches(request.user, request.params.tenant, WORKFLOW)) return reply.code(403).send()
    }
  }
  return { credentials, install }
}
