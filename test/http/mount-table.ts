import type { Endpoints, WireRequest } from 'twinkey'
import type { Endpoint } from 'twinkey/http'
import { standard } from 'twinkey/profiles'

type Handle = Endpoint['handle']

/** Answers with the name of the endpoint, and with what it sees of the request. */
function says(name: string, more: (request: WireRequest) => object = () => ({})): Handle {
  return async (request) => ({
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name, method: request.method, ...more(request) }),
  })
}

const id = (request: WireRequest) => ({ id: request.param('id') })

const echo: Handle = async (_request, body) => {
  const read = await body()
  const text = 'bytes' in read ? Buffer.from(read.bytes).toString() : JSON.stringify(read)
  return { status: 200, headers: { 'content-type': 'text/plain' }, body: text }
}

const cookies: Handle = async () => ({
  status: 200,
  headers: { 'set-cookie': ['a=1; Path=/', 'b=2'], vary: ['X-One', 'X-Two'] },
  body: '',
})

// The members that tell the requests of the frameworks apart.
const native: Handle = says('native', ({ native, requestId }) => ({
  requestId,
  native:
    native instanceof Request
      ? 'Request'
      : ['originalUrl', 'routeOptions', 'req'].filter((member) => member in (native as object)),
}))

/** Endpoints of which one answers everything that the others do not. */
export const catching: Endpoints = {
  routes: [
    { method: 'ANY', path: '/*', handle: says('everything') },
    { method: 'POST', path: '/own', handle: says('own post') },
    { method: 'ANY', path: '/own', handle: says('own others') },
    { method: 'GET', path: '/own', handle: says('own get') },
  ],
  refuse: (refusal) => standard().refuse(refusal),
}

/** Requests to them, with the endpoint that answers. */
export const catchingTable = [
  ['GET', '', 'everything'],
  ['POST', '/', 'everything'],
  ['DELETE', '/any', 'everything'],
  ['OPTIONS', '/any/path/', 'everything'],
  ['PATCH', '/any//path?a=/own', 'everything'],
  ['GET', '/own', 'own get'],
  ['POST', '/own/', 'own post'],
  ['PUT', '/own', 'own others'],
  ['GET', '/own/below', 'everything'],
] as const

/** Endpoints of no feature: several methods on a path, parameters, a body, and root routes. */
export const madeUp: Endpoints = {
  routes: [
    { method: 'GET', path: '/', handle: says('home') },
    // Before the literal path that it also matches.
    {
      method: 'GET',
      path: '/:kind/latest',
      handle: says('latest of a kind', (request) => ({ kind: request.param('kind') })),
    },
    { method: 'GET', path: '/items/:id', handle: says('get item', id) },
    { method: 'PUT', path: '/items/:id', handle: says('put item', id) },
    { method: 'DELETE', path: '/items/:id', handle: says('delete item', id) },
    { method: 'POST', path: '/items/:id/rotate', handle: says('rotate item', id) },
    { method: 'GET', path: '/items/latest', handle: says('latest item') },
    { method: 'GET', path: '/items', handle: says('list items') },
    { method: 'POST', path: '/items', handle: says('create item') },
    { method: 'PATCH', path: '/echo', handle: echo },
    { method: 'GET', path: '/cookies', handle: cookies },
    { method: 'GET', path: '/native', handle: native },
    {
      method: 'GET',
      path: '/tenant',
      handle: says('tenant', (request) => ({ tenant: request.param('tenant') })),
    },
  ],
  rootRoutes: [
    { method: 'GET', path: '/.well-known/made-up', handle: says('metadata') },
    { method: 'GET', path: '/.well-known/made-up/:id', handle: says('metadata of', id) },
  ],
  refuse: (refusal) => standard().refuse(refusal),
}

const item = (name: string, itemId: string, method = 'GET') => ({ name, method, id: itemId })
const ITEM = 'GET, HEAD, PUT, DELETE'

export const mountTable: readonly (readonly [
  name: string,
  method: string,
  target: string,
  expected: { readonly seen: object } | { readonly allow: string } | number,
])[] = [
  ['the mount point itself', 'GET', '/service', { seen: { name: 'home', method: 'GET' } }],
  ['the mount point with a slash', 'GET', '/service/', { seen: { name: 'home', method: 'GET' } }],
  ['a query', 'GET', '/service?a=/items', { seen: { name: 'home', method: 'GET' } }],
  ['a path', 'GET', '/service/items', { seen: { name: 'list items', method: 'GET' } }],
  [
    'another method of the path',
    'POST',
    '/service/items',
    { seen: { name: 'create item', method: 'POST' } },
  ],
  [
    'a slash at the end',
    'POST',
    '/service/items/',
    { seen: { name: 'create item', method: 'POST' } },
  ],
  ['two slashes at the end', 'GET', '/service/items//', 404],
  ['a parameter', 'GET', '/service/items/7', { seen: item('get item', '7') }],
  [
    'a parameter and a slash at the end',
    'GET',
    '/service/items/7/',
    { seen: item('get item', '7') },
  ],
  ['a parameter and a query', 'GET', '/service/items/7?id=8', { seen: item('get item', '7') }],
  [
    'another method of a parameter',
    'PUT',
    '/service/items/7',
    { seen: item('put item', '7', 'PUT') },
  ],
  [
    'a third method of a parameter',
    'DELETE',
    '/service/items/7',
    { seen: item('delete item', '7', 'DELETE') },
  ],
  [
    'a path behind a parameter',
    'POST',
    '/service/items/7/rotate',
    { seen: item('rotate item', '7', 'POST') },
  ],
  [
    'a parameter that is encoded',
    'GET',
    '/service/items/%C3%A9%20%37',
    { seen: item('get item', 'é 7') },
  ],
  [
    'a parameter with a slash in it',
    'GET',
    '/service/items/a%2Fb',
    { seen: item('get item', 'a/b') },
  ],
  [
    'a parameter that is encoded twice',
    'GET',
    '/service/items/%252F',
    { seen: item('get item', '%2F') },
  ],
  [
    'a parameter with a plus, a colon and an equals sign',
    'GET',
    '/service/items/a+b:c=d',
    { seen: item('get item', 'a+b:c=d') },
  ],
  [
    'a parameter with the name of a member of Object',
    'GET',
    '/service/items/__proto__',
    { seen: item('get item', '__proto__') },
  ],
  ['a parameter that is no UTF-8', 'GET', '/service/items/%C3%28', 400],
  ['a parameter with a wrong escape', 'GET', '/service/items/%zz', 400],
  ['an empty parameter', 'POST', '/service/items//rotate', 404],
  [
    'a literal path that a parameter matches too',
    'GET',
    '/service/items/latest',
    { seen: { name: 'latest item', method: 'GET' } },
  ],
  [
    'another method of that literal path',
    'DELETE',
    '/service/items/latest',
    { allow: 'GET, HEAD' },
  ],
  [
    'a parameter before a literal segment',
    'GET',
    '/service/users/latest',
    { seen: { name: 'latest of a kind', method: 'GET', kind: 'users' } },
  ],
  ['a method that the path lacks', 'DELETE', '/service/items', { allow: 'GET, HEAD, POST' }],
  ['a method that a parameter lacks', 'POST', '/service/items/7', { allow: ITEM }],
  ['OPTIONS', 'OPTIONS', '/service/items/7', { allow: ITEM }],
  ['GET where only POST exists', 'GET', '/service/items/7/rotate', { allow: 'POST' }],
  ['HEAD where only POST exists', 'HEAD', '/service/items/7/rotate', { allow: 'POST' }],
  ['an unknown path below the mount point', 'GET', '/service/other', 404],
  ['a path that is too long', 'GET', '/service/items/7/rotate/now', 404],
  ['a path that only begins like the mount point', 'GET', '/services', 404],
  ['a path in another case', 'GET', '/service/ITEMS', 404],
  [
    'a path of the application below the mount point',
    'GET',
    '/service/own',
    { seen: { own: true } },
  ],
  ['a root route', 'GET', '/.well-known/made-up', { seen: { name: 'metadata', method: 'GET' } }],
  [
    'a root route with a parameter',
    'GET',
    '/.well-known/made-up/7',
    { seen: item('metadata of', '7') },
  ],
  ['another method of a root route', 'POST', '/.well-known/made-up', { allow: 'GET, HEAD' }],
  ['a root route below the mount point', 'GET', '/service/.well-known/made-up', 404],
  ['a route at the root', 'GET', '/items', 404],
]

/** Requests for a mount point with a parameter. */
export const parameterTable: readonly (readonly [target: string, seen: object])[] = [
  ['/of/t1/tenant', { name: 'tenant', method: 'GET', tenant: 't1' }],
  ['/of/t%201/tenant/', { name: 'tenant', method: 'GET', tenant: 't 1' }],
  ['/of/t1/items/7', item('get item', '7')],
  ['/of/t1', { name: 'home', method: 'GET' }],
]
