/**
 * Sends a server valid and invalid requests, because a side that accepts everything would be fast
 * but useless.
 *
 * @param takes Whether the side checks anything.
 * @param less What the side does not check: the tenant.
 */
export async function probe(name, { port, credentials: [{ tenant, text }] }, { takes, less }) {
  const middle = Math.floor(text.length / 2)
  const wrong = text.slice(0, middle) + (text[middle] === 'a' ? 'b' : 'a') + text.slice(middle + 1)
  const refused = takes === undefined ? [] : [{ tenant }, { tenant, text: wrong }]
  if (takes !== undefined && less === undefined) refused.push({ tenant: 'another', text })

  await expect(name, port, { tenant, text }, (status) => status === 200)
  for (const request of refused)
    await expect(name, port, request, (status) => status >= 400 && status < 500)
}

async function expect(name, port, { tenant, text }, isRight) {
  const headers = text === undefined ? {} : { authorization: `Bearer ${text}` }
  const { status } = await fetch(`http://127.0.0.1:${port}/tenants/${tenant}/customers`, {
    headers,
  })
  if (!isRight(status))
    throw new Error(`${name} answered ${status}, which is not what it should do`)
}
