import { bearer } from './call.ts'
import type { TourParts } from './tour.ts'

const CUSTOMER = '/customers/123/'

/** The convention of Flowgear. */
export async function tourFlowgear({ narrator, samples }: TourParts): Promise<void> {
  const { chapter, step, call } = narrator
  const { primary, secondary, test } = samples.flowgear
  const key = (secret: string) => ({ Authorization: `Key=${secret}` })
  chapter('Flowgear: two keys, an environment, and permitted workflows')

  step('The primary key in the header, as is recommended. The workflow learns the name of the key.')
  await call(200, { path: CUSTOMER, headers: key(primary) })

  step('The secondary key as a Bearer credential, which newer clients send.')
  await call(200, { path: CUSTOMER, headers: bearer(secondary) })

  step(
    'A key in the query works too, and is not recommended. It is taken out of the URL before a handler sees it.',
  )
  await call(200, { path: `${CUSTOMER}?auth-key=${encodeURIComponent(primary)}` })

  step('A workflow may be invoked with a body.')
  await call(200, { path: CUSTOMER, headers: key(primary), body: { name: 'Katherine Johnson' } })

  step('A key of the environment Test has to say so in the query.')
  await call(200, { path: `${CUSTOMER}?_profile=Test`, headers: key(test) })

  step(
    'If it does not, the environment is Production, and Flowgear answers 404 to whatever it refuses.',
  )
  await call(404, { path: CUSTOMER, headers: key(test) })
}
