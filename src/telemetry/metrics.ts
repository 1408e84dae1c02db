import type {
  AuthenticateMessage,
  ExchangeMessage,
  StoreMessage,
  TraceMessage,
} from '../core/model/trace.ts'
import type { Subscriber } from './channels.ts'

/** The attributes of one series of numbers, by their OpenTelemetry names. Frozen. */
export type Attributes = Readonly<Record<string, string | boolean>>

/** A metric, by its OpenTelemetry name and unit. */
export interface Metric {
  readonly name: string
  readonly unit: 's' | '{decision}' | '{refusal}' | '{lookup}' | '{key}'
  readonly description: string
}

/** A count that grows. */
interface Count {
  value: number
}

/** Where numbers go. Series are few, and each is made once. */
export interface Sink {
  /** Returns what records seconds in a series. */
  histogram(metric: Metric): (attributes: Attributes) => (seconds: number) => void
  /** Returns the count of a series. */
  counter(metric: Metric): (attributes: Attributes) => Count
  /**
   * @param read Returns undefined while the number is unknown. Called at each collection. Undefined
   *   if there is no such number.
   */
  gauge(metric: Metric, read: (() => number | undefined) | undefined): void
  /** Removes all that can be removed. */
  stop(): void
}

/** What records the work of each channel. */
export interface Recorders {
  readonly authenticate: Subscriber<AuthenticateMessage>
  readonly exchange: Subscriber<ExchangeMessage>
  readonly store: Subscriber<StoreMessage>
}

/** The upper bounds of the buckets in seconds: from a store in memory to one that hangs. */
export const BOUNDS: readonly number[] = Object.freeze([
  0.000005, 0.00001, 0.000025, 0.0001, 0.00025, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
  0.5, 1, 2.5, 5,
])

/**
 * Records what the channels publish. A decision that is made in memory is counted, but not timed: it
 * takes about a microsecond, which is less than a histogram takes to record it.
 */
export function recordMetrics(sink: Sink): Recorders {
  const histogram = (name: string, description: string) =>
    sink.histogram({ name, unit: 's', description })
  const durations = histogram(
    'twinkey.authenticate.duration',
    'Time of decisions that had to wait.',
  )
  const decisions = sink.counter({
    name: 'twinkey.decisions',
    unit: '{decision}',
    description: 'Requests that were decided.',
  })
  const lookups = sink.counter({
    name: 'twinkey.cache.lookups',
    unit: '{lookup}',
    description: 'Credentials that were found in memory, or had to be looked up.',
  })
  const [hits, misses] = [
    lookups({ 'twinkey.result': 'hit' }),
    lookups({ 'twinkey.result': 'miss' }),
  ]
  const decided = createSeries(DECIDED, decisions)
  const timed = createSeries(DECIDED, durations)
  const refusals = sink.counter({
    name: 'twinkey.refusals',
    unit: '{refusal}',
    description: 'Requests that were refused.',
  })
  const refused = createSeries(['code', 'reason'], refusals)
  const exchanged = createSeries(
    ['result', 'code', ERROR],
    histogram('twinkey.exchange.duration', 'Time to issue or refuse a token.'),
  )
  const stored = createSeries(
    ['operation', ERROR],
    histogram('twinkey.store.duration', 'Time of a call of the store.'),
  )

  const typeOf = createErrorTypes()

  function count({ result, code, reason, via, cached }: AuthenticateMessage) {
    decided(result ?? 'failed', code, via, cached).value++
    if (cached !== undefined) (cached ? hits : misses).value++
    if (result === 'refused') refused(code, reason).value++
  }

  return {
    authenticate: {
      end(message) {
        if (message.isFinished) count(message)
      },
      asyncEnd(message) {
        count(message)
        const { result, code, via, cached, durationSeconds } = message
        timed(result ?? 'failed', code, via, cached)(durationSeconds ?? 0)
      },
    },
    exchange: whenFinished(({ result, code, reason, error }, seconds) => {
      exchanged(result ?? 'failed', code, typeOf(error))(seconds)
      if (result === 'refused') refused(code, reason).value++
    }),
    store: whenFinished(({ operation, error }, seconds) =>
      stored(operation, typeOf(error))(seconds),
    ),
  }
}

const DECIDED = ['result', 'code', 'via', 'cached'] as const
const ERROR = 'error.type'
// Node gives errors of the operating system codes of this form, and Twinkey its own.
const CODE = /^[A-Za-z0-9_]{1,40}$/

// An application may throw errors with any number of codes.
const MAX_ERROR_TYPES = 50
// The name of OpenTelemetry for an error without a type of its own.
const OTHER = '_OTHER'

/** Returns what reads the types of errors, but only so many: each has series of its own. */
function createErrorTypes(): typeof errorType {
  const known = new Set<string>()
  return (error) => {
    const type = errorType(error)
    if (type === undefined || known.has(type)) return type
    if (known.size === MAX_ERROR_TYPES) return OTHER
    known.add(type)
    return type
  }
}

/** The type of an error: its code, else its name. Never its message, which may hold a secret. */
export function errorType(error: unknown): string | undefined {
  if (error === undefined) return undefined
  try {
    const { code, name } = error as { code?: unknown; name?: unknown }
    const type = [code, name].find((each) => typeof each === 'string' && CODE.test(each))
    return (type as string | undefined) ?? OTHER
  } catch {
    return OTHER
  }
}

/** Calls `record` for all work that had to wait. Exchanges and calls of the store always have. */
function whenFinished<M extends TraceMessage>(
  record: (message: M, seconds: number) => void,
): Subscriber<M> {
  return { end() {}, asyncEnd: (message) => record(message, message.durationSeconds ?? 0) }
}

type Value = string | boolean | undefined

interface Branch<T> {
  series: T | undefined
  readonly next: Map<Value, Branch<T>>
}

/**
 * Returns the series of some values, which is made when they come for the first time. Values come
 * from closed lists, so there are few.
 */
function createSeries<T>(names: readonly string[], make: (attributes: Attributes) => T) {
  const root: Branch<T> = { series: undefined, next: new Map() }
  let last: { readonly values: readonly Value[]; readonly series: T } | undefined
  return (...values: Value[]): T => {
    // Most requests are like the one before.
    if (last !== undefined && areSame(values, last.values)) return last.series
    let branch = root
    for (const value of values) {
      let next = branch.next.get(value)
      if (next === undefined) {
        next = { series: undefined, next: new Map() }
        branch.next.set(value, next)
      }
      branch = next
    }
    branch.series ??= make(attributesOf(names, values))
    last = { values, series: branch.series }
    return branch.series
  }
}

function areSame(values: readonly Value[], others: readonly Value[]): boolean {
  for (let at = 0; at < values.length; at++) if (values[at] !== others[at]) return false
  return values.length === others.length
}

function attributesOf(names: readonly string[], values: readonly Value[]): Attributes {
  const given = names.flatMap((name, at) => {
    const value = values[at]
    return value === undefined ? [] : [[name === ERROR ? name : `twinkey.${name}`, value] as const]
  })
  return Object.freeze(Object.fromEntries(given))
}
