import type { ApiKey, Keyring } from '../../index.ts'
import { eachAnswer } from './answer.ts'
import { about, type Finding, type Patient } from './finding.ts'

const MAX_READ = 10_000

/** Checks the options that have defaults for development. */
export function checkSettings({ settings }: Patient): Finding[] {
  const { environments, prefixes, hasListener, store } = settings
  return [
    environments === '*'
      ? about('Environments').warning(
          'Keys of every environment work here. Set `environments`, like ["production"].',
        )
      : about('Environments').ok(`The deployment serves ${environments.join(', ')}.`),
    prefixes.includes('tk')
      ? about('Prefixes').warning(
          '`prefixes` has the default. Set your own, so that a scanner recognises your keys.',
        )
      : about('Prefixes').ok(`New secrets begin with ${prefixes[0]}_.`),
    hasListener
      ? about('Warnings').ok(
          '`onEvent` is set. Watch for `warning.store_unsafe` and the other warnings.',
        )
      : about('Warnings').warning('Set `onEvent`, and watch for events that begin with `warning.`'),
    store.watch === undefined
      ? about('Change feed').check(
          'The store has no feed: other processes see a change within cache.maxAgeSeconds.',
        )
      : about('Change feed').ok('Other processes see a change at once.'),
  ]
}

/** Checks that something counts the requests of keys with limits. */
export async function checkLimits({ settings, keyring }: Patient): Promise<Finding> {
  const topic = about('Limits')
  if (settings.hasLimiter) return topic.ok('`limiter` is set.')
  const { found, isComplete } = await findKey(
    keyring,
    ({ limits }) => limits !== null && limits.length > 0,
  )
  if (found !== undefined)
    return topic.problem(
      `Key ${found.id} has limits, but nothing counts its requests. Set \`limiter\`.`,
    )
  return isComplete
    ? topic.ok('No key has limits, so no `limiter` is needed.')
    : topic.check(`None of the ${MAX_READ} newest keys has limits. Set \`limiter\` if others have.`)
}

async function findKey(keyring: Keyring, fits: (key: ApiKey) => boolean) {
  let read = 0
  for await (const key of eachAnswer(keyring.all())) {
    if (key.state !== 'revoked' && fits(key)) return { found: key, isComplete: true }
    if (++read >= MAX_READ) return { found: undefined, isComplete: false }
  }
  return { found: undefined, isComplete: true }
}
