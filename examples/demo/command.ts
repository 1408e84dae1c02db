import { type Adoption, readAdoption } from './adoption.ts'
import { FRAMEWORKS, type Framework, isFramework } from './framework.ts'
import { PREFIX } from './service.ts'

/** The command line is invalid. */
export class UsageError extends Error {}

/** The parsed command line and environment. */
export interface Command {
  /** Print one line of JSON instead of the tour. */
  readonly json: boolean
  readonly framework: Framework
  /** 0 selects a free port. */
  readonly port: number
  /** The secrets from the environment. */
  readonly adoption: Adoption
}

const NAMES = Object.keys(FRAMEWORKS).join('|')
const USAGE = `Usage:
  npm run demo                      a tour; then the server stays up
  npm run --silent demo -- --json   one line of JSON; then the server stays up
Both take --framework ${NAMES}.`

/** Reads arguments and environment. */
export function readCommand(args: readonly string[], env: NodeJS.ProcessEnv): Command {
  let json = false
  let framework: Framework = 'express'
  const rest = args.flatMap((arg) =>
    arg.startsWith('--framework=') ? arg.split(/=(.*)/s, 2) : arg,
  )
  while (rest.length > 0) {
    const arg = rest.shift()
    if (arg === '--json') json = true
    else if (arg === '--framework') framework = readFramework(rest.shift())
    else throw new UsageError(`Unknown argument ${JSON.stringify(arg)}.\n${USAGE}`)
  }
  return {
    json,
    framework,
    port: readPort(env['PORT'] || '0'),
    adoption: readAdoption(env, PREFIX),
  }
}

function readFramework(word: string | undefined): Framework {
  if (word !== undefined && isFramework(word)) return word
  throw new UsageError(
    `--framework must be one of ${NAMES}${word === undefined ? '' : `, not ${JSON.stringify(word)}`}.\n${USAGE}`,
  )
}

function readPort(text: string): number {
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (!(port <= 65_535))
    throw new Error(
      `PORT must be a number from 0 to 65535, not ${JSON.stringify(text)}. Unset it to use a free port.`,
    )
  return port
}
