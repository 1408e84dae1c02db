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

/** What the API of the demo serves: the same for every framework. */
export interface Data {
  customer(tenant: string, id: string): Customer | undefined
  /** Undefined where the tenant has as many customers as the demo lets it have. */
  addCustomer(tenant: string, name: string): Customer | undefined
  flows(tenant: string): readonly Flow[]
}

const CUSTOMERS: Readonly<Record<string, readonly Customer[]>> = {
  acme: [
    { id: 'c1', name: 'Ada Lovelace' },
    { id: 'c2', name: 'Grace Hopper' },
  ],
  globex: [{ id: 'c1', name: 'Hedy Lamarr' }],
}
const FLOWS: Readonly<Record<string, readonly Flow[]>> = {
  acme: [{ id: 'f1', name: 'Onboarding' }],
  globex: [{ id: 'f1', name: 'Invoicing' }],
}
const MAX_CUSTOMERS = 1000

/** A fresh copy of the sample data. */
export function createData(): Data {
  const customers = new Map(Object.entries(CUSTOMERS).map(([tenant, list]) => [tenant, [...list]]))
  const flows = new Map(Object.entries(FLOWS))
  return {
    customer: (tenant, id) => customers.get(tenant)?.find((each) => each.id === id),
    addCustomer(tenant, name) {
      const list = customers.get(tenant) ?? []
      if (list.length >= MAX_CUSTOMERS) return undefined
      const customer = { id: `c${list.length + 1}`, name }
      customers.set(tenant, [...list, customer])
      return customer
    },
    flows: (tenant) => flows.get(tenant) ?? [],
  }
}
