import { from } from 'twinkey'
import { flowgear } from 'twinkey/profiles'
import { type Data, placeOf } from './data.ts'
import { json, membersOf } from './reply.ts'
import type { Chapter } from './route.ts'

const product = 'Flowgear'
const path = '/customers/:id/'
const requirement = {
  profile: flowgear(),
  accept: ['secret'],
  workflow: from.routeTemplate(),
} as const

/** The workflows of this chapter, as they are named in a scope. */
export const FLOWGEAR_WORKFLOWS = [`GET ${path}`, `POST ${path}`]

/** The routes that follow the convention of Flowgear. */
export function flowgearChapter(data: Data): Chapter {
  return {
    routes: [
      {
        method: 'GET',
        path,
        requirement,
        reply({ principal, param }) {
          const customer = data.customer(placeOf(principal), param('id'))
          if (customer === undefined) return json(404, { Message: 'Not Found' })
          const { environment, username } = principal
          return json(200, { ...customer, environment, username })
        },
      },
      {
        method: 'POST',
        path,
        requirement,
        reply({ principal, param, body }) {
          // A workflow accepts any object, so the answer also contains unused members.
          const sent = membersOf(body)
          if (sent === undefined) return json(400, { Message: 'Send a JSON object.' })
          const place = placeOf(principal)
          const id = param('id')
          const name =
            typeof sent['name'] === 'string' && sent['name'] !== ''
              ? sent['name']
              : (data.customer(place, id)?.name ?? id)
          if (data.putCustomer(place, { id, name }) === undefined)
            return json(409, { Message: 'There are too many customers.' })
          const { environment, username } = principal
          return json(200, { ...sent, id, name, environment, username })
        },
      },
    ],
    listed: [
      {
        product,
        method: 'GET',
        path,
        about: 'A customer: 123. _profile=Test selects the environment Test. Default: Production.',
      },
      {
        product,
        method: 'POST',
        path,
        about: 'Accepts any JSON object and returns it. A "name" renames the customer.',
      },
    ],
  }
}
