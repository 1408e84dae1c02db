/** A request that a proxy asks about, and the answer. */
export type Row = readonly [
  name: string,
  request: {
    readonly method?: string
    readonly uri: string
    /** The key that is sent as X-API-Key. Default: the good one. */
    readonly key?: 'good' | 'narrow' | 'ownerless' | 'none' | undefined
    readonly headers?: readonly (readonly [string, string])[]
  },
  /** The workflow and the tenant that were decided, or the refusal. */
  expected:
    | { readonly workflow: string; readonly tenant: string }
    | readonly [status: number, code: string],
]

const BAD = [400, 'request_malformed'] as const
const NONE = [404, 'not_found'] as const
const read = (tenant: string) => ({ workflow: 'customers.read', tenant })
const ROUTE = (tenant: string) => ({ workflow: 'GET /customers/:id', tenant })

/** Requests that have a route, by method and path. */
const ROUTED: readonly Row[] = [
  ['a literal', { uri: '/customers?tenant=t1' }, read('t1')],
  ['a query parameter', { uri: '/customers?a=1&tenant=t2' }, read('t2')],
  ['a parameter', { uri: '/customers/7?tenant=t1' }, ROUTE('t1')],
  ['a parameter that is decoded', { uri: '/tenants/%741' }, read('t1')],
  ['two parameters', { uri: '/tenants/t2/customers/9' }, read('t2')],
  ['HEAD, which is GET', { method: 'HEAD', uri: '/customers/7?tenant=t1' }, ROUTE('t1')],
  [
    'another method',
    { method: 'PUT', uri: '/customers/7?tenant=t1' },
    { workflow: 'customers.write', tenant: 't1' },
  ],
  [
    'a literal before a parameter',
    { uri: '/customers/export?tenant=t2' },
    { workflow: 'customers.export', tenant: 't1' },
  ],
  [
    'a slash at the end, if the route has it',
    { uri: '/customers/', headers: [['X-Tenant', 't2']] },
    read('t2'),
  ],
  ['no credential on an optional route', { uri: '/', key: 'none' }, { workflow: '', tenant: '' }],
  ['a path in the query', { uri: '/customers?tenant=t1&next=/../%2e%2F;//' }, read('t1')],
  ['a comma', { uri: '/customers/7,8?tenant=t1' }, ROUTE('t1')],
  [
    'every character of a segment',
    { uri: "/customers/-._~!$&'()*+,=:@%20%3F%23%E2%82%AC?tenant=t1" },
    ROUTE('t1'),
  ],
]

/** Requests that the guard refuses. */
const GUARDED: readonly Row[] = [
  ['no credential', { uri: '/customers?tenant=t1', key: 'none' }, [401, 'credential_missing']],
  [
    'a made-up secret',
    { uri: '/customers?tenant=t1', key: 'none', headers: [['X-API-Key', 'tk_wrong']] },
    [401, 'credential_invalid'],
  ],
  [
    'two credentials',
    { uri: '/customers?tenant=t1', headers: [['Authorization', 'Bearer tk_wrong']] },
    [400, 'credential_ambiguous'],
  ],
  ['another tenant', { uri: '/tenants/t3' }, [403, 'tenant_denied']],
  [
    'another workflow',
    { method: 'PUT', uri: '/customers/7?tenant=t1', key: 'narrow' },
    [403, 'workflow_denied'],
  ],
  ['no tenant', { uri: '/customers' }, [400, 'target_missing']],
  ['two tenants', { uri: '/customers?tenant=t1&tenant=t2' }, [400, 'target_conflict']],
  [
    'two tenants in headers',
    {
      uri: '/customers/',
      headers: [
        ['X-Tenant', 't1'],
        ['X-Tenant', 't2'],
      ],
    },
    [400, 'target_conflict'],
  ],
  [
    'an owner that cannot be looked up',
    { uri: '/customers?tenant=t1', key: 'ownerless' },
    [503, 'unavailable'],
  ],
]

/** Requests without a route. */
const UNMAPPED: readonly Row[] = [
  ['another path', { uri: '/other' }, NONE],
  ['a longer path', { uri: '/customers/7/8?tenant=t1' }, NONE],
  ['a slash at the end', { uri: '/customers/7/?tenant=t1' }, NONE],
  ['no slash at the end', { uri: '/tenants?tenant=t1' }, NONE],
  ['an empty parameter', { uri: '/tenants/' }, NONE],
  ['another method', { method: 'DELETE', uri: '/customers/7' }, NONE],
  ['a literal in another case', { uri: '/customers/Export?tenant=t2' }, NONE],
  ['a literal with an escape', { uri: '/customers/%65xport?tenant=t2' }, NONE],
  ['a literal with an escape, elsewhere', { uri: '/%63ustomers/7?tenant=t1' }, NONE],
  ['part of a literal', { uri: '/custom' }, NONE],
  ['a letter that becomes one of the literal in lower case', { uri: '/%E2%84%AAustomers' }, NONE],
]

/** Paths that servers read in different ways. */
const UNCLEAR: readonly Row[] = [
  '/customers/.',
  '/customers/..',
  '/customers/../tenants/t1',
  '/./customers',
  '/customers/%2e',
  '/customers/%2E%2e',
  '/customers/.%2e/tenants/t1',
  '/customers/a%2eb',
  '//customers',
  '/customers//7',
  '/customers/7//',
  '//',
  '/customers\\7',
  '/customers/7\\..\\8',
  '/customers/7;tenant=t2',
  '/customers;a/7',
  '/customers/7%3btenant=t2',
  '/customers/7%2f8',
  '/customers/7%2F..',
  '/customers/7%5c8',
  '/customers/7%00',
  '/customers/7%0a',
  '/customers/7%0D%0ax',
  '/customers/7%7f',
  '/customers/7%c2%85',
  '/customers/7%252e',
  '/customers/7%25',
  '/customers/%',
  '/customers/%7',
  '/customers/%zz',
  '/customers/%ff',
  '/customers/%c0%af',
  '/customers/%ed%a0%80',
  '/customers/7#8',
  '/customers?tenant=t1#x',
  '/customers/7\t8',
  '/customers/7 8',
  '/customers/\xe9',
  '/customers?tenant=\xe9',
  'customers',
  '*',
  'http://localhost/customers?tenant=t1',
  '?tenant=t1',
  '',
].map((uri) => [`the path ${JSON.stringify(uri)}`, { uri }, BAD] as const)

/** Methods that are none. */
const METHODS: readonly Row[] = ['get', 'GET ', ' ', '', 'GET, GET', 'GET,PUT', 'G3T', '*'].flatMap(
  (method) =>
    // A server removes the space at the end.
    method === 'GET '
      ? []
      : [
          [
            `the method ${JSON.stringify(method)}`,
            { method, uri: '/customers?tenant=t1' },
            BAD,
          ] as const,
        ],
)

/** Headers of a client that name another request. */
const OVERRIDDEN: readonly Row[] = [
  ['X-HTTP-Method-Override', 'PUT'],
  ['X-HTTP-Method', 'PUT'],
  ['X-Method-Override', 'PUT'],
  ['X-Original-URL', '/customers/7'],
  ['X-Rewrite-URL', '/customers/7'],
  ['X-Rewrite-URL', ''],
  // CGI and WSGI read an underscore as a hyphen.
  ['X_HTTP_Method_Override', 'PUT'],
  ['X-HTTP_Method-Override', 'PUT'],
  ['X_HTTP_METHOD', 'PUT'],
  ['X_Method-Override', 'PUT'],
  ['X_Original_URL', '/customers/7'],
  ['X-Rewrite_URL', '/customers/7'],
].map(([name = '', value = '']) => [
  `a client that sends ${name}: ${value}`,
  { uri: '/customers?tenant=t1', headers: [[name, value]] },
  BAD,
])

export const ROWS: readonly Row[] = [
  ...ROUTED,
  ...GUARDED,
  ...UNMAPPED,
  ...UNCLEAR,
  ...METHODS,
  ...OVERRIDDEN,
]
