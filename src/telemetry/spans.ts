import type {
  AuthenticateMessage,
  ExchangeMessage,
  StoreMessage,
  TraceMessage,
  Traces,
} from '../core/model/trace.ts'
import type { Subscriber } from './channels.ts'
import { type Attributes, errorType } from './metrics.ts'

/** A `Tracer` of `@opentelemetry/api`, as far as it is used. */
export interface Tracer {
  startSpan(
    name: string,
    options: {
      readonly kind: number
      readonly startTime: number
      readonly attributes: Record<string, string | boolean>
    },
    context?: SpanContext,
  ): {
    spanContext(): { readonly traceId: string }
    setAttributes(attributes: Attributes): unknown
    setStatus(status: { code: number }): unknown
    end(endTime: number): void
  }
}

/** A `Context` of `@opentelemetry/api`. */
export interface SpanContext {
  getValue(key: symbol): unknown
  setValue(key: symbol, value: unknown): SpanContext
  deleteValue(key: symbol): SpanContext
}

type Span = ReturnType<Tracer['startSpan']>

interface Started {
  readonly span: Span
  /** Epoch milliseconds. */
  readonly startTime: number
}

/** `AsyncLocalStorage` of Node: the message of the work that is being done. */
export interface Current {
  getStore(): unknown
}

const INTERNAL = 0
const CLIENT = 2
const STATUS_ERROR = 2
const NO_TRACE = '0'.repeat(32)
// By this key, every copy of the API finds the span of a context.
const SPAN = Symbol.for('OpenTelemetry Context Key SPAN')

/** What makes the spans of each channel. */
export type SpanSubscribers = { readonly [K in keyof Traces]: Subscriber<TraceMessage> }

/**
 * Makes a span of all work that had to wait, and of all that was refused. A decision that is made
 * in memory takes microseconds: its span would cost more, and say nothing.
 *
 * A span is made when its work begins to wait, with the time when it began. Spans of the store are
 * inside the span of the decision or exchange that called it.
 */
export function makeSpans(tracer: Tracer, current: Current): SpanSubscribers {
  const spans = new WeakMap<TraceMessage, Started>()
  const epochOf = createEpoch()

  function spanOf(message: TraceMessage, name: string, kind: number): Span {
    const known = spans.get(message)
    if (known !== undefined) return known.span
    const around = current.getStore() as TraceMessage | undefined
    // Work in the background may outlast what started it.
    const isPart = around !== undefined && around !== message && !around.isFinished
    const parent = isPart ? spanOf(around, nameOf(around), INTERNAL) : undefined
    const startTime = epochOf(message.startedAt ?? 0)
    const options = { kind, startTime, attributes: {} }
    // A span without a trace is one that the application suppressed. In its context, not in one of
    // ours, this span is suppressed too.
    const hasTrace = parent !== undefined && parent.spanContext().traceId !== NO_TRACE
    const span = tracer.startSpan(name, options, hasTrace ? contextOf(parent) : undefined)
    spans.set(message, { span, startTime })
    return span
  }

  function finish(message: TraceMessage): void {
    const known = spans.get(message)
    if (known === undefined) return
    spans.delete(message)
    const { span, startTime } = known
    span.setAttributes(attributesOf(message))
    if (message.error !== undefined || (message as AuthenticateMessage).code === 'unavailable')
      span.setStatus({ code: STATUS_ERROR })
    span.end(startTime + performance.now() - (message.startedAt ?? 0))
  }

  const subscriber = (kind: number): Subscriber<TraceMessage> => ({
    end(message) {
      const isRefused = (message as AuthenticateMessage).result === 'refused'
      if (!message.isFinished || isRefused || message.error !== undefined)
        spanOf(message, nameOf(message), kind)
      if (message.isFinished) finish(message)
    },
    asyncEnd: finish,
  })
  return {
    authenticate: subscriber(INTERNAL),
    exchange: subscriber(INTERNAL),
    store: subscriber(CLIENT),
  }
}

function nameOf(message: TraceMessage): string {
  if ('operation' in message) return `twinkey.store.${(message as StoreMessage).operation}`
  return 'tokenId' in message ? 'twinkey.exchange' : 'twinkey.authenticate'
}

function attributesOf(message: TraceMessage): Attributes {
  const { result, code, reason, via, cached, keyId } = message as AuthenticateMessage
  const { tokenId } = message as ExchangeMessage
  const attributes = {
    'twinkey.result': result,
    'twinkey.code': code,
    'twinkey.reason': reason,
    'twinkey.via': via,
    'twinkey.cached': cached,
    'twinkey.key.id': keyId,
    'twinkey.token.id': tokenId,
    'error.type': message.error === undefined ? undefined : errorType(message.error),
  }
  const given = Object.entries(attributes).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given) as Attributes
}

/** By how much the two clocks may differ before ours is set. */
const MAX_DRIFT_MILLISECONDS = 5

/**
 * Creates what turns a time of `performance.now()` into epoch milliseconds. That clock stands still
 * while a machine sleeps, so it is compared with the wall clock. It is not set for less than a few
 * milliseconds: spans that begin one after another must keep their order.
 */
function createEpoch(): (milliseconds: number) => number {
  let origin = performance.timeOrigin
  return (milliseconds) => {
    const drift = Date.now() - (origin + performance.now())
    if (Math.abs(drift) > MAX_DRIFT_MILLISECONDS) origin += drift
    return origin + milliseconds
  }
}

/** A context that says only that a span is active. */
function contextOf(span: Span, others: ReadonlyMap<symbol, unknown> = new Map()): SpanContext {
  const values = new Map(others).set(SPAN, span)
  const withValues = (next: Map<symbol, unknown>): SpanContext => ({
    getValue: (key) => next.get(key),
    setValue: (key, value) => withValues(new Map(next).set(key, value)),
    deleteValue(key) {
      const less = new Map(next)
      less.delete(key)
      return withValues(less)
    },
  })
  return withValues(values)
}
