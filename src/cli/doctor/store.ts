import { messageOf } from '../message.ts'
import { answerOf } from './answer.ts'
import { about, type Finding, type Patient } from './finding.ts'

const SLOW_CLOCK_MILLISECONDS = 2000

/** Checks the store. The last finding is a problem if the store does not answer. */
export async function checkStore({ settings, keyring, twinkey }: Patient): Promise<Finding[]> {
  const { isInMemory } = settings
  const topic = about('Store')
  if (isInMemory)
    return [
      topic.problem(
        'Keys are in the memory of each process and are lost with it. Set `store` to a database.',
      ),
    ]
  try {
    await answerOf(() => keyring.list({ limit: 1 }))
  } catch (error) {
    return [topic.problem(`The store does not answer: ${sentence(messageOf(error))}`)]
  }
  const answers = topic.ok('The store answers.')
  return [answers, ...(await durability({ settings })), await clock(settings, () => twinkey.now())]
}

async function durability({ settings: { store } }: Pick<Patient, 'settings'>): Promise<Finding[]> {
  const topic = about('Durability')
  const { inspect } = store
  if (inspect === undefined)
    return [
      topic.check('The store has no `inspect`. Check that an acknowledged write survives a crash.'),
    ]
  try {
    const problems = await answerOf((signal) => inspect.call(store, signal))
    if (problems.length > 0) return problems.map(topic.problem)
    return [topic.ok('The settings of the database keep acknowledged writes, as far as it tells.')]
  } catch {
    return [
      topic.check('The settings of the database cannot be read. Check them in docs/stores.md.'),
    ]
  }
}

async function clock(
  { store, clockToleranceSeconds }: Patient['settings'],
  now: () => number,
): Promise<Finding> {
  const topic = about('Clock')
  const { clock: ask } = store
  if (ask === undefined)
    return topic.check(
      'The store has no clock. Keep the clocks of all nodes in step, for example by NTP.',
    )
  try {
    const before = now()
    const there = await answerOf((signal) => ask.call(store, signal))
    const after = now()
    const ahead = before > there ? before - there : Math.max(0, there - after)
    const seconds = Math.round(ahead / 1000)
    if (ahead > 1000 * clockToleranceSeconds)
      return topic.problem(
        `This clock and that of the database differ by ${seconds} seconds, more than tokens.clockToleranceSeconds. Set both by NTP.`,
      )
    if (ahead > SLOW_CLOCK_MILLISECONDS)
      return topic.warning(
        `This clock and that of the database differ by ${seconds} seconds. Set both by NTP.`,
      )
    return topic.ok('This clock and that of the database agree.')
  } catch {
    return topic.check(
      'The clock of the database cannot be read. Keep the clocks of all nodes in step.',
    )
  }
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`
}
