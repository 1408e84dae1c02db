import type { Keyring } from '../../index.ts'
import { counted } from '../counted.ts'
import { eachAnswer } from './answer.ts'
import { about, type Finding, type Patient } from './finding.ts'

const OLD_MILLISECONDS = 365 * 86_400_000
const MAX_COUNTED = 10_000

/** Checks the peppers, and which of them stored secrets still need. */
export async function checkPeppers({ settings, keyring }: Patient): Promise<Finding[]> {
  const topic = about('Pepper')
  const { peppers } = settings
  if (peppers === undefined)
    return [
      topic.warning(
        'Secrets are stored without a pepper. Make one with `twinkey pepper`, and set `pepper`.',
      ),
    ]
  const { current, all } = peppers
  const findings = [
    current === null
      ? topic.warning('`pepper.current` is null, so new secrets are stored without a pepper.')
      : topic.ok(`New secrets are stored under ${JSON.stringify(current)}.`),
  ]
  for (const name of [null, ...all].filter((each) => each !== current)) {
    const count = await countKeys(keyring, name)
    const keys = count > MAX_COUNTED ? `More than ${MAX_COUNTED} keys` : counted(count, 'key')
    if (name === null) {
      if (count > 0)
        findings.push(topic.warning(`Secrets without a pepper: ${keys}. Rotate or renew them.`))
    } else if (count > 0)
      findings.push(
        topic.ok(
          `${JSON.stringify(name)} is still needed: ${keys}. Keep it until they are rotated.`,
        ),
      )
    else
      findings.push(
        topic.warning(
          `No key needs ${JSON.stringify(name)}. Remove it from \`pepper.keys\`, unless it is for imports.`,
        ),
      )
  }
  return findings
}

async function countKeys(keyring: Keyring, pepper: string | null): Promise<number> {
  let count = 0
  for await (const { state } of eachAnswer(keyring.all({ pepper }))) {
    if (state !== 'revoked') count++
    if (count > MAX_COUNTED) break
  }
  return count
}

/** Checks the keys that sign tokens, and whom the tokens name. */
export function checkTokens({ settings, twinkey }: Patient): Finding[] {
  const topic = about('Signing keys')
  const { signingKeys, issuer, audience } = settings
  if (signingKeys.length === 0)
    return [
      twinkey.tokens.canIssue
        ? topic.problem(
            'Tokens are signed with a key that is lost with the process. Make one with `twinkey signing-key`, and set `tokens.signingKeys`.',
          )
        : topic.warning(
            'There is no signing key, so keys cannot be exchanged for tokens. Make one with `twinkey signing-key` if you want that.',
          ),
    ]
  const now = twinkey.now()
  const findings = signingKeys.map(({ kid, algorithm, canSign, createdAt }, at) => {
    const role = at === 0 ? 'signs' : canSign ? 'verifies, and can sign' : 'verifies'
    const name = `${kid.slice(0, 8)} (${algorithm}) ${role}.`
    if (createdAt === undefined)
      return topic.check(
        `${name} Its age is unknown: add \`iat\`, the time in seconds when it was made. Replace it once a year.`,
      )
    const days = Math.floor((now - createdAt) / 86_400_000)
    return now - createdAt > OLD_MILLISECONDS
      ? topic.warning(
          `${name} It is ${counted(days, 'day')} old. Replace it: docs/tokens.md says how.`,
        )
      : topic.ok(`${name} It is ${counted(days, 'day')} old.`)
  })
  return [
    ...findings,
    named('Issuer', 'tokens.issuer', issuer),
    named('Audience', 'tokens.audience', audience),
  ]
}

function named(name: string, option: string, value: string): Finding {
  const topic = about(name)
  return value === 'twinkey'
    ? topic.warning(`\`${option}\` is the default. Set it to the URL of this API.`)
    : topic.ok(`\`${option}\` is ${JSON.stringify(value)}.`)
}
