// The verifying service: it has no store and no secrets, only the public keys of the issuer.
import { fastify } from 'fastify'
import { from, requireAuth } from 'twinkey/fastify'
import { createVerifier } from 'twinkey/verifier'
import { AUDIENCE, ENVIRONMENTS, ISSUER } from './settings.ts'

export async function startReports(issuerUrl: string, now: () => number) {
  const verifier = createVerifier({
    jwks: `${issuerUrl}/tokens/jwks.json`,
    issuer: ISSUER,
    audience: AUDIENCE,
    environments: ENVIRONMENTS,
    now,
  })

  const target = { tenant: from.param('tenant'), environment: from.header('x-environment') }
  const app = fastify({ forceCloseConnections: true })
  app.get(
    '/tenants/:tenant/reports',
    { onRequest: requireAuth(verifier, { ...target, workflow: 'reports.read' }) },
    async ({ principal }) => {
      const { tenant, environment, keyId } = principal
      return { tenant, environment, keyId }
    },
  )
  app.post(
    '/tenants/:tenant/reports',
    { onRequest: requireAuth(verifier, { ...target, workflow: 'reports.write' }) },
    async (_request, reply) => reply.code(201).send({}),
  )

  const url = await app.listen({ port: 0 })
  return { url, close: () => app.close() }
}
