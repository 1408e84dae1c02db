import type { OperationName } from '../core/model/operations.ts'

/** Operations that read or end several keys: their options say which ones. */
type Filtering = Extract<OperationName, 'list' | 'history' | 'revokeAll'>

// Each text is a sentence without its full stop.
const HELP: Readonly<Record<string, string>> = {
  name: 'The name that people see',
  owner: 'The user or machine that the key acts for',
  'no-owner': 'The key acts for nobody',
  tenant: "A tenant that the key reaches, or '*' for all",
  environment: "An environment that the key reaches, or '*' for all",
  workflow: "A workflow that the key reaches, or '*' for all",
  expires: 'When the key expires: 90d, 12h, 2027-01-31T09:00:00Z, now or never',
  metadata: 'Data of the application, or one JSON object',
  tokens: 'The key can be exchanged for tokens',
  'no-tokens': 'The key cannot be exchanged for tokens',
  limit: 'A limit of requests, like 1000/minute',
  'no-limits': 'The key has no limits, not even those of the deployment',
  'default-limits': 'The key has the limits of the deployment',
  network: 'A network from which the key works, like 192.0.2.0/24',
  'all-networks': 'The key works from all networks',
  secondary: 'Create a secondary secret too. This is the default',
  'no-secondary': 'Create the primary secret only',
  'expected-version': 'Change nothing if the key has another version',
  grace: 'How long the old secret still works, like 7d. Default: 1d',
  replace: 'End the secondary secret, even if it still works',
  slots: 'The secrets to replace',
}
const FILTERS: Readonly<Record<Filtering, Readonly<Record<string, string>>>> = {
  list: {
    tenant: 'Keys that list this tenant',
    owner: 'Keys of this owner',
    'no-owner': 'Keys that have no owner',
    state: 'Keys in this state',
    name: 'Keys whose name begins with this text',
    hint: 'Keys with a secret that ends with these characters',
    pepper: 'Keys with a secret that is stored under this pepper',
    'no-pepper': 'Keys with a secret that is stored without a pepper',
    'expires-before': 'Keys that do not work from this time on, like 14d or 2027-01-31',
    'unused-since': 'Keys that nobody has used since this time, like 90d',
    sort: 'Which keys come first. Default: newest',
    limit: 'How many keys to show: 1 to 100. Default: 50',
    cursor: 'Continue after the previous page',
  },
  history: {
    key: 'Changes of the key with this id',
    owner: 'Changes of the keys of this owner',
    'no-owner': 'Changes of keys that have no owner',
    tenant: 'Changes of keys that list this tenant',
    limit: 'How many changes to show: 1 to 100. Default: 50',
    cursor: 'Continue after the previous page',
    after: 'Read forwards from a time, like 1d, or from the cursor of the previous call',
  },
  revokeAll: {
    owner: 'Keys of this owner',
    tenant: 'Keys that list this tenant. Those with further tenants only lose it',
  },
}

/** What an option does, in the command of an operation. */
export function helpFor(operation: OperationName, flag: string): string {
  const own = operation in FILTERS ? FILTERS[operation as Filtering] : HELP
  return own[flag] ?? ''
}
