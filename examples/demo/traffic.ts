import { bearer, type Call, send } from './call.ts'

/** A client that calls continuously, several calls at a time. */
export interface Traffic {
  /** Uses another secret from now on. Resolves when the last call with the old one is answered. */
  moveTo(secret: string): Promise<void>
  /** Resolves when this number of further calls is answered. */
  more(calls: number): Promise<void>
  /** Stops the client and answers its counts. */
  stop(): Promise<TrafficCount>
}

export interface TrafficCount {
  readonly calls: number
  readonly failed: number
  /** The first failure. */
  readonly firstFailure: string | undefined
}

const CONCURRENCY = 8
const PATH = '/v1/customers/c1'

/** Starts a client. */
export function startTraffic(url: string, firstSecret: string): Traffic {
  let secret = firstSecret
  let running = true
  let calls = 0
  let failed = 0
  let firstFailure: string | undefined
  let waiting: { until: number; resolve: () => void } | undefined
  const underWay: Promise<void>[] = []

  async function callOnce(): Promise<void> {
    const call: Call = { path: PATH, headers: bearer(secret) }
    const failure = await send(url, call).then(
      ({ status }) => (status === 200 ? undefined : `status ${status}`),
      (error: unknown) => String(error),
    )
    calls++
    if (failure !== undefined) {
      failed++
      firstFailure ??= failure
    }
    if (waiting !== undefined && calls >= waiting.until) waiting.resolve()
  }

  async function work(lane: number): Promise<void> {
    while (running) {
      underWay[lane] = callOnce()
      await underWay[lane]
    }
  }

  const lanes = Array.from({ length: CONCURRENCY }, (_, lane) => work(lane))
  return {
    async moveTo(next) {
      secret = next
      await Promise.all(underWay)
    },
    more: (count) =>
      new Promise((resolve) => {
        waiting = { until: calls + count, resolve }
      }),
    async stop() {
      running = false
      await Promise.all(lanes)
      return { calls, failed, firstFailure }
    },
  }
}
