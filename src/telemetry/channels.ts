import type { Trace, TraceMessage, Traces } from '../core/model/trace.ts'

// The part of node:diagnostics_channel that is used here. Some runtimes lack it.

interface Channel {
  readonly hasSubscribers: boolean
  publish(message: object): void
  runStores<T>(message: object, work: () => T): T
  bindStore(store: object, read: (message: never) => unknown): void
  unbindStore(store: object): void
}

/** What is called for the messages of a channel. */
export interface Subscriber<M extends TraceMessage> {
  /** The work returned. If it is not finished, `asyncEnd` follows. */
  end(message: M): void
  /** Pending work is finished. */
  asyncEnd(message: M): void
}

/** A tracing channel of Node: five channels for the stages of work. */
export interface TracingChannel {
  readonly start: Channel
  readonly end: Channel
  readonly asyncStart: Channel
  readonly asyncEnd: Channel
  readonly error: Channel
  subscribe(subscriber: Subscriber<never>): void
  unsubscribe(subscriber: Subscriber<never>): void
}

interface Host {
  readonly process?: { getBuiltinModule?(id: string): unknown }
}

/** The names of the channels. */
export type ChannelName = `twinkey:${keyof Traces}`

/**
 * Returns a Node module without an import, which other runtimes and bundlers could not resolve.
 *
 * @returns Undefined where there is no such module.
 */
export function nodeModule<T>(id: string): T | undefined {
  const { process } = globalThis as Host
  return process?.getBuiltinModule?.(id) as T | undefined
}

/** Returns a channel. Undefined on runtimes without tracing channels. */
export function channelOf(name: ChannelName): TracingChannel | undefined {
  const channels = nodeModule<{ tracingChannel?(name: string): TracingChannel }>(
    'node:diagnostics_channel',
  )
  return channels?.tracingChannel?.(name)
}

/**
 * Creates the traces of a Twinkey or a verifier, which publish to the channels of the process.
 *
 * @returns The traces, and `attach`, which sets what messages call `twinkey`, and returns it.
 */
export function createTraces(): Traces & { attach<T extends object>(twinkey: T): T } {
  let attached: object | undefined

  function traceOf<M extends TraceMessage>(name: ChannelName): Trace<M> {
    const channel = channelOf(name)
    if (channel === undefined) return { isHeard: false, run: (_, work) => work() }
    const { start, end, asyncStart, asyncEnd, error } = channel
    const isHeard = () =>
      start.hasSubscribers ||
      end.hasSubscribers ||
      asyncEnd.hasSubscribers ||
      asyncStart.hasSubscribers ||
      error.hasSubscribers
    return {
      get isHeard() {
        return isHeard()
      },
      run(message, work) {
        if (!isHeard()) return work()
        message.twinkey = attached
        message.startedAt = performance.now()
        return start.hasSubscribers
          ? start.runStores(message, () => publish(channel, message, work))
          : publish(channel, message, work)
      },
    }
  }

  return {
    authenticate: traceOf('twinkey:authenticate'),
    exchange: traceOf('twinkey:exchange'),
    store: traceOf('twinkey:store'),
    attach(twinkey) {
      attached = twinkey
      return twinkey
    },
  }
}

// Does work and publishes its stages as `tracePromise` of Node does, but also for work that makes no
// promise, and never the result, which may be a record or a token.
function publish<T>(channel: TracingChannel, message: TraceMessage, work: () => T): T {
  try {
    const result = work()
    if (isPromise(result)) return follow(channel, message, result) as T
    message.isFinished = true
    return result
  } catch (cause) {
    fail(channel, message, cause)
    throw cause
  } finally {
    channel.end.publish(message)
  }
}

function follow(channel: TracingChannel, message: TraceMessage, work: Promise<unknown>) {
  const finish = () => {
    message.isFinished = true
    message.durationSeconds = (performance.now() - (message.startedAt ?? 0)) / 1000
  }
  const settle = () => {
    channel.asyncStart.publish(message)
    channel.asyncEnd.publish(message)
  }
  return work.then(
    (result) => {
      finish()
      settle()
      return result
    },
    (cause: unknown) => {
      finish()
      fail(channel, message, cause)
      settle()
      throw cause
    },
  )
}

function fail(channel: TracingChannel, message: TraceMessage, cause: unknown): void {
  message.isFinished = true
  message.error = cause
  channel.error.publish(message)
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as { then?: unknown } | undefined)?.then === 'function'
}
