import { from } from 'twinkey'
import { type Data, placeOf, tenantOf } from './data.ts'
import { json, membersOf, problem } from './reply.ts'
import type { Chapter } from './route.ts'

const product = 'standard'
// The deployment serves two environments, so each route names its own.
const environment = 'Production'
// Default: the tenant of the key, if there is exactly one.
const tenant = from.header('x-tenant-id', { optional: true })

/** The routes that follow the standard convention. */
export function standardChapter(data: Data): Chapter {
  return {
    routes: [
      {
        method: 'GET',
        path: '/v1/customers/:id',
        requirement: { tenant, environment, workflow: 'customers.read' },
        reply({ principal, param }) {
          const customer = data.customer(placeOf(principal), param('id'))
          return customer === undefined
            ? problem(404)
            : json(200, { tenant: principal.tenant, ...customer })
        },
      },
      {
        method: 'POST',
        path: '/v1/customers',
        requirement: { tenant, environment, workflow: 'customers.write' },
        reply({ principal, body }) {
          const name = membersOf(body)?.['name']
          if (typeof name !== 'string' || name === '') return problem(400)
          const customer = data.addCustomer(placeOf(principal), name)
          if (customer === undefined) return problem(409)
          return json(
            201,
            { tenant: principal.tenant, ...customer },
            { location: `/v1/customers/${customer.id}` },
          )
        },
      },
      {
        method: 'GET',
        path: '/v1/tenants/:tenant/flows',
        requirement: { tenant: from.param('tenant'), environment, workflow: 'flows.read' },
        reply: ({ principal }) => json(200, data.flows(tenantOf(principal))),
      },
      {
        method: 'GET',
        path: '/v1/whoami',
        requirement: { anyTarget: true },
        reply({ principal: { keyId, name, owner, slot, via, scope } }) {
          return json(200, { keyId, name, owner, slot, via, scope })
        },
      },
    ],
    tokens: { path: '/v1/tokens' },
    listed: [
      {
        product,
        method: 'GET',
        path: '/v1/customers/:id',
        about:
          'A customer of your tenant: c1, c2. Needs the workflow customers.read. X-Tenant-Id is optional.',
      },
      {
        product,
        method: 'POST',
        path: '/v1/customers',
        about:
          'Adds a customer: {"name":"..."}. Needs the workflow customers.write. X-Tenant-Id is optional.',
      },
      {
        product,
        method: 'GET',
        path: '/v1/tenants/:tenant/flows',
        about: 'The flows of a tenant: acme, globex. Needs the workflow flows.read.',
      },
      {
        product,
        method: 'GET',
        path: '/v1/whoami',
        about: 'The caller. Accepts any key or token.',
      },
      {
        product,
        method: 'POST',
        path: '/v1/tokens',
        about:
          'Exchanges a secret for a token: {"scope":"workflow:customers.read","expires_in":600}, or no body.',
      },
      {
        product,
        method: 'GET',
        path: '/v1/tokens/test',
        about: 'The key of a credential and its scope.',
      },
      {
        product,
        method: 'GET',
        path: '/v1/tokens/jwks.json',
        about: 'The public keys that verify tokens.',
      },
    ],
  }
}
