import type { ApiKey } from 'twinkey'
import { PANE_PATH } from './pane.ts'
import type { TourParts } from './tour.ts'

/** Users manage their own keys over HTTP, and in a browser. */
export async function tourPane({ narrator, pane }: TourParts): Promise<void> {
  const { chapter, step, note, call } = narrator
  const keys = `${PANE_PATH}/api/keys`
  const as = (user: 'ada' | 'grace') => ({ Cookie: pane.cookies[user], 'X-Twinkey': '1' })
  chapter('A page in which people manage keys, and the API behind it')

  step('Ada creates a key. The answer is the only one that contains its secrets.')
  const body = {
    name: 'dashboard',
    scope: { tenants: ['acme'], environments: ['Test'], workflows: ['customers.read'] },
  }
  const { body: created } = await call(201, { path: keys, headers: as('ada'), body })
  const { id } = (created as { key: ApiKey }).key

  step('Grace does not see it: it looks like a key that does not exist.')
  await call(404, { path: `${keys}/${id}`, headers: as('grace') })

  step('A page of another site can make a browser send the cookie. Its requests are refused.')
  const foreign = { Cookie: pane.cookies.ada, 'Sec-Fetch-Site': 'cross-site' }
  await call(403, { method: 'POST', path: `${keys}/${id}/revoke`, headers: foreign, body: {} })

  step('In a browser it is a page.')
  note(`${narrator.url}${PANE_PATH}/`)
}
