import type { Principal } from 'twinkey'

/** A customer of a tenant. */
export interface Customer {
  readonly id: string
  readonly name: string
}

/** A flow that a tenant runs. */
export interface Flow {
  readonly id: string
  readonly name: string
}

/** A source of leaks that a tenant sees. */
export interface Source {
  readonly id: string
  readonly name: string
}

/** The owner of data: a tenant in an environment. */
export interface Place {
  readonly tenant: string
  readonly environment: string
}

/** The data of the demo, the same for every framework and product. */
export interface Data {
  customer(place: Place, id: string): Customer | undefined
  /** Adds a customer. Answers undefined if there are already 1,000 in the place. */
  addCustomer(place: Place, name: string): Customer | undefined
  /** Replaces a customer, or adds one. Answers undefined if a new one exceeds the limit of 1,000. */
  putCustomer(place: Place, customer: Customer): Customer | undefined
  flows(tenant: string): readonly Flow[]
  sources(tenant: string): readonly Source[]
}

const CUSTOMERS: Readonly<Record<string, readonly Customer[]>> = {
  'acme in Production': [
    { id: 'c1', name: 'Ada Lovelace' },
    { id: 'c2', name: 'Grace Hopper' },
  ],
  'globex in Production': [{ id: 'c1', name: 'Hedy Lamarr' }],
  'mycompany in Production': [{ id: '123', name: 'Katherine Johnson' }],
  'mycompany in Test': [{ id: '123', name: 'Test customer' }],
}
const FLOWS: Readonly<Record<string, readonly Flow[]>> = {
  acme: [{ id: 'f1', name: 'Onboarding' }],
  globex: [{ id: 'f1', name: 'Invoicing' }],
}
const SOURCES: Readonly<Record<string, readonly Source[]>> = {
  '4001': [
    { id: 'stealer_logs', name: 'Stealer logs' },
    { id: 'forum_dump', name: 'Forum dump' },
  ],
  '4002': [{ id: 'paste_site', name: 'Paste site' }],
}
const MAX_CUSTOMERS = 1000

/**
 * Creates a copy of the sample data.
 *
 * @param flowTenant The tenant of the sample key of Boomi Flow.
 */
export function createData(flowTenant: string): Data {
  const customers = new Map(
    Object.entries(CUSTOMERS).map(([place, list]) => [
      place,
      new Map(list.map((customer) => [customer.id, customer])),
    ]),
  )
  const flows = new Map(Object.entries(FLOWS))
  const sampleFlows = [
    { id: '8a1d9a2e-5f6b-4f0e-9d53-6f6c1a4f5b01', name: 'Leave request' },
    { id: '8a1d9a2e-5f6b-4f0e-9d53-6f6c1a4f5b02', name: 'Customer survey' },
  ]
  if (!flows.has(flowTenant)) flows.set(flowTenant, sampleFlows)
  const at = ({ tenant, environment }: Place) => {
    const place = `${tenant} in ${environment}`
    const there = customers.get(place) ?? new Map<string, Customer>()
    customers.set(place, there)
    return there
  }
  function putCustomer(place: Place, customer: Customer): Customer | undefined {
    const there = at(place)
    if (there.size >= MAX_CUSTOMERS && !there.has(customer.id)) return undefined
    there.set(customer.id, customer)
    return customer
  }
  return {
    customer: (place, id) => at(place).get(id),
    addCustomer: (place, name) => putCustomer(place, { id: `c${at(place).size + 1}`, name }),
    putCustomer,
    flows: (tenant) => flows.get(tenant) ?? [],
    sources: (tenant) => SOURCES[tenant] ?? [],
  }
}

/** The tenant of a request. Throws a 400 if a credential for all tenants comes without a tenant. */
export function tenantOf({ tenant }: Principal): string {
  if (tenant === undefined) throw Object.assign(new Error('Name a tenant.'), { status: 400 })
  return tenant
}

/** The place of a request. Every route that calls this names an environment. */
export function placeOf(principal: Principal): Place {
  return { tenant: tenantOf(principal), environment: principal.environment ?? '' }
}
