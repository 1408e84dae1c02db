/**
 * Sends metrics and spans to OpenTelemetry and Prometheus. @module twinkey/telemetry
 */

import { requireMembers } from '../core/model/options-checks.ts'
import type { TraceMessage, Traces } from '../core/model/trace.ts'
import { channelOf, nodeModule, type Subscriber, type TracingChannel } from './channels.ts'
import { warn } from './event-failures.ts'
import { countExpiring, type ExpiringKeys } from './expiring-keys.ts'
import { errorType, type Recorders, recordMetrics, type Sink } from './metrics.ts'
import { type Meter, meterSink, type Observe } from './open-telemetry.ts'
import { type PrometheusRegistry, registrySink } from './prometheus.ts'
import {
  type Current,
  makeSpans,
  type SpanContext,
  type SpanSubscribers,
  type Tracer,
} from './spans.ts'

export type {
  AuthenticateMessage,
  ExchangeMessage,
  StoreMessage,
  TraceMessage,
} from '../core/model/trace.ts'
export type { Attributes } from './metrics.ts'
export type { ExpiringKeys, Meter, Observe, PrometheusRegistry, SpanContext, Tracer }

/** Where the numbers and spans go. Give at least one. */
export interface Instruments {
  /** A `Meter` of OpenTelemetry: `metrics.getMeter('twinkey')`. */
  readonly meter?: Meter | undefined
  /** A `Tracer` of OpenTelemetry: `trace.getTracer('twinkey')`. */
  readonly tracer?: Tracer | undefined
  /** A `Registry` of prom-client, often its `register`. */
  readonly registry?: PrometheusRegistry | undefined
}

/** A Twinkey or a verifier. */
export interface Instrumented {
  readonly keys?: ExpiringKeys
  decide(...request: never[]): unknown
  now?(): number
}

/**
 * Sends what a Twinkey or a verifier does to OpenTelemetry, Prometheus or both: how long decisions,
 * exchanges and calls of the store take, refusals by code and reason, hits of the cache, and how many
 * keys end within seven days. Metrics never name a key, a tenant or an owner. Spans have the id of
 * the key.
 *
 * Uses the channels `twinkey:authenticate`, `twinkey:exchange` and `twinkey:store` of
 * `node:diagnostics_channel`, to which other code can subscribe too.
 *
 * A tracer, meter or registry that throws does not affect a decision: the number or span is lost, and
 * the process warning `warning.telemetry_failed` is emitted once.
 *
 * @param twinkey What createTwinkey or createVerifier returned, or a copy with the same `decide`.
 *   Instrument it once.
 * @param instruments Where to send it.
 * @returns A function that ends it.
 * @throws TypeError for a wrong instrument, and on runtimes without `node:diagnostics_channel`.
 * @throws Error of the registry if it already has these metrics.
 * @see https://nodejs.org/api/diagnostics_channel.html
 * @example
 * ```ts
 * import { metrics, trace } from '@opentelemetry/api'
 * import { createTwinkey } from 'twinkey'
 * import { instrument } from 'twinkey/telemetry'
 *
 * const twinkey = createTwinkey()
 * instrument(twinkey, { meter: metrics.getMeter('twinkey'), tracer: trace.getTracer('twinkey') })
 * ```
 */
export function instrument(twinkey: Instrumented, instruments: Instruments): () => void {
  if (typeof (twinkey as Partial<Instrumented> | undefined)?.decide !== 'function')
    throw new TypeError(
      'instrument: the first argument must be what createTwinkey or createVerifier returns.',
    )
  const { meter, tracer, registry } = checkInstruments(instruments)
  const channels = requireChannels()
  const stops: (() => void)[] = []
  const { decide } = twinkey
  // By a method too, so that a copy of a Twinkey is also recognised.
  const isOwn = ({ twinkey: sender }: TraceMessage) =>
    sender === twinkey || (sender as Partial<Instrumented> | undefined)?.decide === decide
  const failed = createWarning()

  /** Leaves out the messages of others. Catches errors, because Node ends the process otherwise. */
  function guarded({ end, asyncEnd }: Subscriber<TraceMessage>): Subscriber<TraceMessage> {
    return {
      end(message) {
        if (!isOwn(message)) return
        try {
          end(message)
        } catch (error) {
          failed(error)
        }
      },
      asyncEnd(message) {
        if (!isOwn(message)) return
        try {
          asyncEnd(message)
        } catch (error) {
          failed(error)
        }
      },
    }
  }

  function subscribe(subscribers: Subscribers): void {
    for (const kind of KINDS) {
      const subscriber = guarded(subscribers[kind] as Subscriber<TraceMessage>)
      channels[kind].subscribe(subscriber)
      stops.push(() => channels[kind].unsubscribe(subscriber))
    }
  }

  function record(sink: Sink): void {
    stops.push(sink.stop)
    subscribe(recordMetrics(sink))
    const { keys } = twinkey
    const now = () => twinkey.now?.() ?? Date.now()
    sink.gauge(EXPIRING, keys && countExpiring(keys, now))
  }

  function stop(): void {
    for (const each of stops.splice(0)) each()
  }

  try {
    if (registry !== undefined) record(registrySink(registry))
    if (meter !== undefined) record(meterSink(meter))
    if (tracer !== undefined) {
      const current = new (requireModule<Async>('node:async_hooks').AsyncLocalStorage)()
      for (const kind of ['authenticate', 'exchange'] as const) {
        const { start } = channels[kind]
        start.bindStore(current, (message: TraceMessage) =>
          isOwn(message) ? message : current.getStore(),
        )
        stops.push(() => start.unbindStore(current))
      }
      subscribe(makeSpans(tracer, current))
    }
  } catch (error) {
    // Nothing is left of half an instrument.
    stop()
    throw error
  }
  return stop
}

type Kind = keyof Traces
type Subscribers = { readonly [K in Kind]: Recorders[K] | SpanSubscribers[K] }

interface Async {
  readonly AsyncLocalStorage: new () => Current
}

const KINDS = ['authenticate', 'exchange', 'store'] as const
const EXPIRING = {
  name: 'twinkey.keys.expiring',
  unit: '{key}',
  description: 'Active keys that end within seven days.',
} as const
// What each instrument must be able to do, and where it comes from.
const REQUIRED = {
  meter: ['createHistogram', "a Meter of OpenTelemetry: metrics.getMeter('twinkey')"],
  tracer: ['startSpan', "a Tracer of OpenTelemetry: trace.getTracer('twinkey')"],
  registry: ['registerMetric', 'a Registry of prom-client: register'],
} as const

function checkInstruments(instruments: Instruments): Instruments {
  const given = requireMembers(instruments, Object.keys(REQUIRED), 'The instruments')
  for (const [name, [method, what]] of Object.entries(REQUIRED)) {
    const value = given[name as keyof Instruments] as Record<string, unknown> | undefined
    if (value !== undefined && typeof value?.[method] !== 'function')
      throw new TypeError(`${name} must be ${what}.`)
  }
  if (Object.values(given).every((each) => each === undefined))
    throw new TypeError('instrument: give a meter, a tracer or a registry.')
  return given
}

function requireChannels(): Record<Kind, TracingChannel> {
  requireModule('node:diagnostics_channel')
  const entries = KINDS.map((kind) => [kind, channelOf(`twinkey:${kind}`)] as const)
  return Object.fromEntries(entries) as Record<Kind, TracingChannel>
}

function requireModule<T>(id: string): T {
  const found = nodeModule<T>(id)
  if (found !== undefined) return found
  throw new TypeError(
    `instrument: this runtime has no ${id}. On Cloudflare Workers, set the flag nodejs_compat.`,
  )
}

/** Returns what warns of the first error of the instruments. */
function createWarning(): (error: unknown) => void {
  let isWarned = false
  return (error) => {
    if (isWarned) return
    isWarned = true
    warn(
      'warning.telemetry_failed',
      `A meter, tracer or registry failed (${errorType(error)}), so numbers or spans are lost. Decisions are not affected.`,
    )
  }
}
