import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises'
import type { Side } from './verify-sides.ts'

const DELAY_RESOLUTION_MILLISECONDS = 1
const FORGED_PER_SECOND = 5000
const GOOD_PER_SECOND = 200

/** The throughput of concurrent callers in a given time. */
export interface Load {
  readonly perSecond: number
  /** Processor time of all threads, per operation. */
  readonly processorMicroseconds: number
  /** Time in which the main thread did not wait for events, per operation. */
  readonly busyMicroseconds: number
  readonly delayP50Milliseconds: number
  readonly delayP99Milliseconds: number
}

/**
 * Runs concurrent callers with one operation each. Each operation begins in its own turn of the
 * event loop, as a request does.
 */
export async function drive(
  callers: number,
  milliseconds: number,
  operation: (number: number) => Promise<unknown> | unknown,
): Promise<Load> {
  const histogram = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MILLISECONDS })
  let done = 0
  histogram.enable()
  const [processor, loop, began] = [
    process.cpuUsage(),
    performance.eventLoopUtilization(),
    performance.now(),
  ]
  const caller = async () => {
    while (performance.now() - began < milliseconds) {
      await turn()
      await operation(done)
      done++
    }
  }
  await Promise.all(Array.from({ length: callers }, caller))
  const elapsed = performance.now() - began
  const { user, system } = process.cpuUsage(processor)
  const { active } = performance.eventLoopUtilization(loop)
  histogram.disable()
  return {
    perSecond: (done / elapsed) * 1000,
    processorMicroseconds: (user + system) / done,
    busyMicroseconds: (active * 1000) / done,
    delayP50Milliseconds: delay(histogram.percentile(50)),
    delayP99Milliseconds: delay(histogram.percentile(99)),
  }
}

// The histogram holds the intervals of its timer. Never 0, so that a ratio exists.
function delay(nanoseconds: number): number {
  return Math.max(0.01, nanoseconds / 1e6 - DELAY_RESOLUTION_MILLISECONDS)
}

/** The latency of good requests during a flood of forged ones. */
export interface Flood {
  readonly refusedPerSecond: number
  /** Requests with a cached token: the delay of the event loop. */
  readonly warmP99Milliseconds: number
  /** Requests with a token to verify: from the due time to the answer. */
  readonly firstSightP50Milliseconds: number
  readonly firstSightP99Milliseconds: number
}

/** Sends good and forged requests at steady rates, without waiting for earlier answers. */
export async function flood(
  side: Side,
  { good, forged }: { readonly good: readonly string[]; readonly forged: readonly string[] },
  milliseconds: number,
): Promise<Flood> {
  const [warm, firstSight]: [number[], number[]] = [[], []]
  const under: Promise<void>[] = []
  let refused = 0
  const began = performance.now()
  const arrives = async (token: string, due: number, isGood: boolean) => {
    await turn()
    if (isGood) warm.push(performance.now() - due)
    if ((await side.verify(token)) !== isGood) throw new Error(`${side.name} decided wrongly`)
    if (isGood) firstSight.push(performance.now() - due)
    else refused++
  }
  const steady = (tokens: readonly string[], perSecond: number, isGood: boolean) => {
    let sent = 0
    return (now: number) => {
      const due = Math.floor((Math.min(now, milliseconds) * perSecond) / 1000)
      for (; sent < due && tokens.length > 0; sent++) {
        under.push(
          arrives(
            tokens[sent % tokens.length] as string,
            began + (sent * 1000) / perSecond,
            isGood,
          ),
        )
      }
    }
  }
  const sources = [steady(good, GOOD_PER_SECOND, true), steady(forged, FORGED_PER_SECOND, false)]
  for (let now = 0; now < milliseconds; ) {
    await pause(1)
    now = performance.now() - began
    for (const send of sources) send(now)
  }
  await Promise.all(under)
  const refusedPerSecond = (refused / (performance.now() - began)) * 1000
  return {
    refusedPerSecond,
    warmP99Milliseconds: at(warm, 0.99),
    firstSightP50Milliseconds: at(firstSight, 0.5),
    firstSightP99Milliseconds: at(firstSight, 0.99),
  }
}

function at(numbers: readonly number[], share: number): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
