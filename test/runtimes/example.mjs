// Calls the example Worker, wherever it is served.

/** Each request with its credential and its expected answer. */
const CALLS = [
  ['GET', '/customers/c1', 'none', 401],
  ['GET', '/customers/c1', 'secret', 200],
  ['DELETE', '/customers/c1', 'secret', 403],
  ['GET', '/tenants/t1/customers', 'secret', 200],
  ['GET', '/tenants/t2/customers', 'secret', 403],
  ['POST', '/tokens', 'secret', 200],
  ['GET', '/customers/c1', 'token', 200],
  ['DELETE', '/customers/c1', 'token', 403],
  ['POST', '/tokens', 'token', 401],
  ['GET', '/tokens/test', 'token', 200],
  ['GET', '/tokens/jwks.json', 'none', 200],
]

/** @returns The result of each call, as outcomes of checks. */
export async function tryWorker(url, output) {
  // Its first requests come at the same time: it is created for the first of them and must serve
  // all.
  const first = await Promise.all(
    Array.from({ length: 5 }, () => fetch(`${url}/customers/c1`).then(({ status }) => status)),
  )
  const outcomes = [
    {
      name: 'example web: the first requests, all at once',
      failure: failureOf(first.join(), '401,401,401,401,401'),
    },
  ]
  const credentials = { none: undefined, secret: /acme_\w+/.exec(output())?.[0], token: undefined }
  for (const [method, path, kind, expected] of CALLS) {
    const credential = credentials[kind]
    const headers = credential === undefined ? {} : { authorization: `Bearer ${credential}` }
    const response = await fetch(url + path, { method, headers })
    const body = await response.json()
    credentials.token ??= body.access_token
    outcomes.push({
      name: `example web: ${method} ${path} with ${kind}`,
      failure: failureOf(response.status, expected),
    })
  }
  return outcomes
}

function failureOf(actual, expected) {
  return actual === expected ? undefined : `it is ${actual} and should be ${expected}`
}
