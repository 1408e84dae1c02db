import type { Twinkey } from 'twinkey'

/** The used options of `fetch`. */
export interface Sent {
  method: string
  headers: Record<string, string>
}

/** Calls an application with each kind of credential and prints the answers. */
export async function tryOut(
  twinkey: Twinkey<{ plan: string }>,
  call: (path: string, sent: Sent) => Promise<Response>,
): Promise<void> {
  const { primary, secondary } = await twinkey.keys.create({
    name: 'consumer',
    scope: { tenants: ['t1'], workflows: ['customers.read'] },
    metadata: { plan: 'free' },
  })
  const lines: string[] = []
  const ask = async (path: string, credential: string | null, method = 'GET') => {
    const response = await call(path, {
      method,
      headers: credential === null ? {} : { authorization: `Bearer ${credential}` },
    })
    const text = await response.text()
    const body =
      text === ''
        ? {}
        : (JSON.parse(text) as {
            code?: string
            access_token?: string
            slot?: string
            via?: string
          })
    const { code = '', slot = '', via = '' } = body
    lines.push(`${method} ${path} ${response.status} ${code}${slot}${via}`)
    return body
  }
  await ask('/customers/c1', null)
  await ask('/customers/c1', primary)
  await ask('/customers/c1', secondary)
  await ask('/customers/c1', primary, 'DELETE')
  await ask('/tenants/t1', primary)
  await ask('/tenants/t2', primary)
  const { access_token: token = '' } = await ask('/tokens', secondary, 'POST')
  await ask('/customers/c1', token)
  await twinkey.close()
  console.log(lines.join('\n'))
}
