import type { TwinkeyEvent } from '../core/model/events.ts'

const INTERVAL_MILLISECONDS = 60_000
// The form of names and codes that drivers give their errors. Other values, and every message, may
// hold secrets.
const NAME = /^[A-Za-z]{1,40}$/
const CODE = /^[A-Z0-9_]{1,30}$/

/**
 * Warns that `onEvent` threw or rejected, as `warning.event_failed`, at most once a minute. Uses
 * `process.emitWarning`, or `console.warn` if the runtime has no `process`. The warning holds the
 * type of the lost event, and the name and code of the error, but never its message.
 *
 * @returns The function to call for each failure. It never throws.
 */
export function eventFailures(now: () => number): (event: TwinkeyEvent, error: unknown) => void {
  const report = onceAMinute(now, 'warning.event_failed')
  return ({ type }, error) =>
    report(
      (earlier) =>
        `onEvent failed for ${type}${nameOf(error)}, so the event may be lost.${earlier} Decisions are not affected. ` +
        'Catch errors in onEvent to see them in full.',
    )
}

/**
 * Warns that an `onEnd` threw or rejected, as `warning.on_end_failed`, at most once a minute.
 *
 * @returns The function to call for each failure. It never throws.
 */
export function onEndFailures(now: () => number): (error: unknown) => void {
  const report = onceAMinute(now, 'warning.on_end_failed')
  return (error) =>
    report(
      (earlier) =>
        `onEnd of watchPrincipal failed${nameOf(error)}, so a connection may still be open.${earlier} ` +
        'Catch errors in onEnd to see them in full.',
    )
}

function onceAMinute(
  now: () => number,
  code: `warning.${string}`,
): (messageOf: (earlier: string) => string) => void {
  let warnedAt: number | undefined
  let more = 0
  return (messageOf) => {
    try {
      const at = now()
      // Math.abs: a clock that goes back must not silence the warning.
      if (warnedAt !== undefined && Math.abs(at - warnedAt) < INTERVAL_MILLISECONDS) {
        more++
        return
      }
      const earlier = more === 0 ? '' : ` ${more} more failed since the last warning.`
      warnedAt = at
      more = 0
      warn(code, messageOf(earlier))
    } catch {
      // A failing warning must not affect requests.
    }
  }
}

// Some runtimes lack these members.
interface Host {
  readonly process?: {
    emitWarning?(message: string, options: { type: string; code: string }): void
  }
  readonly console?: { warn?(message: string): void }
}

/** Emits a warning of the process. */
export function warn(code: `warning.${string}`, message: string): void {
  const { process, console } = globalThis as Host
  if (typeof process?.emitWarning === 'function')
    process.emitWarning(message, { type: 'TwinkeyWarning', code })
  else console?.warn?.(`${code}: ${message}`)
}

function nameOf(error: unknown): string {
  try {
    const { name, code } = error as { name?: unknown; code?: unknown }
    const shown = [
      typeof name === 'string' && NAME.test(name) ? [name] : [],
      isCode(code) ? [code] : [],
    ].flat()
    return shown.length === 0 ? '' : ` (${shown.join(' ')})`
  } catch {
    return ''
  }
}

function isCode(code: unknown): code is string | number {
  return typeof code === 'number'
    ? Number.isSafeInteger(code)
    : typeof code === 'string' && CODE.test(code)
}
