import express, { type Express } from 'express'
import { from, type Requirement, type Twinkey } from 'twinkey'
import { mount } from 'twinkey/express'
import { type GatewayProxy, gatewayEndpoints } from 'twinkey/gateway'

const read: Requirement = { tenant: from.param('tenant'), workflow: 'customers.read' }

/** Every route of the service. Requests to other routes are refused. */
const routes: Readonly<Record<string, Requirement>> = {
  'GET /health': { optional: true, anyTarget: true },
  'GET /tenants/:tenant/customers': read,
  'GET /tenants/:tenant/customers/:id': read,
}

/** The gateway. Let it listen on an address that only the proxy can reach. */
export function gateway(twinkey: Twinkey, proxy: GatewayProxy): Express {
  const app = express().disable('x-powered-by').set('trust proxy', '127.0.0.1')
  app.use('/auth', mount(gatewayEndpoints(twinkey, { proxy, routes })))
  return app
}
