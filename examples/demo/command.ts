/** The command line is not one that the demo understands. */
export class UsageError extends Error {}

/** What the demo is to do. */
export interface Command {
  /** Print one line of JSON instead of the tour. */
  readonly json: boolean
  /** 0 for any free one. */
  readonly port: number
}

const USAGE = `Usage:
  npm run demo                      a tour; then the server stays up
  npm run --silent demo -- --json   one line of JSON; then the server stays up`

/** Reads arguments and environment. */
export function readCommand(args: readonly string[], env: NodeJS.ProcessEnv): Command {
  const unknown = args.find((arg) => arg !== '--json')
  if (unknown !== undefined) throw new UsageError(`Unknown argument ${JSON.stringify(unknown)}.\n${USAGE}`)
  return { json: args.includes('--json'), port: readPort(env['PORT'] || '0') }
}

function readPort(text: string): number {
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (!(port <= 65_535)) throw new Error(`PORT must be a number from 0 to 65535, not ${JSON.stringify(text)}. Leave it out for a free one.`)
  return port
}
