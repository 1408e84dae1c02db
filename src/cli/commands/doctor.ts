import type { Call, Command } from '../command.ts'
import { counted } from '../counted.ts'
import { BY_HAND } from '../doctor/by-hand.ts'
import { about, type Finding, type Patient, type Status } from '../doctor/finding.ts'
import { checkPeppers, checkTokens } from '../doctor/secrets.ts'
import { checkLimits, checkSettings } from '../doctor/settings.ts'
import { checkStore } from '../doctor/store.ts'
import { plain } from '../io.ts'
import { writeJson } from '../show.ts'
import { type Style, styleOf } from '../style.ts'

const FAILED = 1

/** Checks a deployment. */
export const DOCTOR: Command = {
  words: 'doctor',
  summary: 'Checks the configuration and the database, and says what to do',
  flags: [],
  examples: ['twinkey doctor', 'twinkey doctor --json'],
  async run(call) {
    const twinkey = await call.twinkey()
    const patient = { twinkey, keyring: await call.keyring(), settings: twinkey.settings() }
    const findings = await examine(patient)
    const problems = findings.filter(({ status }) => status === 'problem').length
    if (call.isJson) writeJson(call, { problems, findings })
    else write(call, findings)
    return problems === 0 ? undefined : FAILED
  },
}

async function examine(patient: Patient): Promise<Finding[]> {
  const store = await checkStore(patient)
  const isAnswering = store.some(({ topic, status }) => topic === 'Store' && status === 'ok')
  const stored = isAnswering ? await checkKeys(patient) : []
  return [...store, ...stored, ...checkTokens(patient), ...checkSettings(patient), ...BY_HAND]
}

async function checkKeys(patient: Patient): Promise<Finding[]> {
  try {
    return [...(await checkPeppers(patient)), await checkLimits(patient)]
  } catch (error) {
    const { message } = (error ?? {}) as { message?: unknown }
    return [about('Keys').problem(`The keys cannot be read: ${String(message)}`)]
  }
}

function write({ io }: Call, findings: readonly Finding[]): void {
  const style = styleOf(io.out, io)
  for (const { topic, status, message } of findings)
    io.out.write(`${mark(style, status)} ${style.bold(topic)}: ${plain(message)}\n`)
  const count = (of: Status) => findings.filter(({ status }) => status === of).length
  io.out.write(
    `\n${counted(count('problem'), 'problem')}, ${counted(count('warning'), 'warning')}, ${count('check')} to check by hand.\n`,
  )
}

function mark(style: Style, status: Status): string {
  const marks = {
    ok: style.green('ok     '),
    warning: style.yellow('warning'),
    problem: style.red('PROBLEM'),
    check: style.dim('by hand'),
  }
  return marks[status]
}
