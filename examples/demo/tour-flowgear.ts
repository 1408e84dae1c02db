import { bearer } from './call.ts'
import type { TourParts } from './tour.ts'

const CUSTOMER = '/customers/123/'

/** The convention of Flowgear. */
export async function tourFlowgear({ narrator, samples }: TourParts): Promise<void> {
  const { chapter, step, call } = narrator
  const { primary, secondary, test } = samples.flowgear
  const key = (secret: string) => ({ Authorization: `Key=${secret}` })
  chapter('Flowgear: two keys, an environment and permitted workflows')

  step(
    'The recommended place of the primary key is the header. The workflow gets the name of the key.',
  )
  await call(200, { path: CUSTOMER, headers: key(primary) })

  step('Newer clients send a Bearer credential, here the secondary key.')
  await call(200, { path: CUSTOMER, headers: bearer(secondary) })

  step(
    'A key in the query works too, but is not recommended. It is removed from the URL before a handler sees it.',
  )
  await call(200, { path: `${CUSTOMER}?auth-key=${encodeURIComponent(primary)}` })

  step('A call can have a body.')
  await call(200, { path: CUSTOMER, headers: key(primary), body: { name: 'Katherine Johnson' } })

  step('A call with a key for the environment Test must name it in the query.')
  await call(200, { path: `${CUSTOMER}?_profile=Test`, headers: key(test) })

  step('Otherwise the environment is Production. Flowgear answers every refusal with 404.')
  await call(404, { path: CUSTOMER, headers: key(test) })
}
