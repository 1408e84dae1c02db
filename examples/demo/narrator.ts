import { inspect } from 'node:util'
import type { Keys, Twinkey } from 'twinkey'
import { type Answer, type Call, curlOf, send } from './call.ts'
import type { Journal } from './journal.ts'
import type { Printer } from './printer.ts'

/** Performs the steps of the tour and prints exactly what it performs. */
export interface Narrator {
  readonly url: string
  chapter(title: string): void
  /** Prints what the next action shows, in a sentence. */
  step(sentence: string): void
  note(text: string): void
  /** Calls a method of `twinkey.keys` in this process. */
  manage<N extends ManagementCall>(method: N, ...args: Parameters<Keys[N]>): Promise<Result<N>>
  /** Performs another action in this process. `code` is its source text. */
  act(code: string, perform: () => Promise<void>): Promise<void>
  /** Calls the server over HTTP. Throws if the status is not the expected one. */
  call(expectedStatus: number, call: Call): Promise<Answer>
}

export interface NarratorParts {
  readonly twinkey: Twinkey
  readonly url: string
  readonly journal: Journal
  readonly printer: Printer
}

type ManagementCall = 'create' | 'disable' | 'enable' | 'renew' | 'revoke' | 'rotate'
type Result<N extends ManagementCall> = Awaited<ReturnType<Keys[N]>>

const HEADERS = ['content-type', 'www-authenticate', 'location', 'cache-control', 'retry-after']
const ONE_LINE = 120
const LONG_STRING = 80

export function createNarrator({ twinkey, url, journal, printer }: NarratorParts): Narrator {
  const { line, title, good, bad, dim } = printer
  let steps = 0

  return {
    url,
    chapter(text) {
      line(`\n${title(`== ${text}`)}`)
    },
    step(sentence) {
      steps++
      line(`\n${title(`${steps}. ${sentence}`)}`)
    },
    note(text) {
      line(`   ${text}`)
    },
    async manage<N extends ManagementCall>(
      method: N,
      ...args: Parameters<Keys[N]>
    ): Promise<Result<N>> {
      line(`   await twinkey.keys.${method}(${args.map((arg) => indented(code(arg))).join(', ')})`)
      const perform = twinkey.keys[method] as (...given: Parameters<Keys[N]>) => Promise<Result<N>>
      const result = await perform(...args)
      for (const text of outcomeOf(result)) line(dim(`   // ${text}`))
      return result
    },
    async act(code, perform) {
      line(`   ${code}`)
      await perform()
    },
    async call(expectedStatus, call) {
      line(`   ${curlOf(url, call)}`)
      journal.takeRefusal()
      const answer = await send(url, call)
      const { status, statusText, headers, body } = answer
      line(`   ${(status < 400 ? good : bad)(`${status} ${statusText}`)}`)
      for (const name of HEADERS)
        if (headers.has(name)) line(dim(`   ${name}: ${headers.get(name)}`))
      line(`   ${indented(pretty(body))}`)
      const refusal = journal.takeRefusal()
      if (refusal?.reason !== undefined)
        line(dim(`   (reason in the operator's event: ${refusal.reason})`))
      if (status !== expectedStatus)
        throw new Error(
          `The tour expected ${expectedStatus} here, and the server answered ${status}.`,
        )
      return answer
    },
  }
}

// The part of the result of a management call that readers need.
function outcomeOf(result: Result<ManagementCall>): string[] {
  if (!('key' in result)) return [`state: ${result.state}`]
  const { primary, secondary } = result
  return [
    ...(primary === null ? [] : [`primary:   ${primary}`]),
    ...(secondary === null ? [] : [`secondary: ${secondary}`]),
  ]
}

function code(value: unknown): string {
  return inspect(value, { breakLength: ONE_LINE, depth: 5 })
}

function pretty(body: unknown): string {
  const short = (_name: string, value: unknown) =>
    typeof value === 'string' && value.length > LONG_STRING
      ? `${value.slice(0, LONG_STRING / 2)}… (${value.length} characters)`
      : value
  const line = JSON.stringify(body, short)
  return line.length <= ONE_LINE
    ? line
    : JSON.stringify(body, short, 2).replace(/\[[^[\]{}]*\]/g, (list) =>
        list.replace(/\n\s*/g, ' '),
      )
}

function indented(text: string): string {
  return text.replaceAll('\n', '\n   ')
}
