import { type Attributes, BOUNDS, type Metric, type Sink } from './metrics.ts'

// The parts of the OpenTelemetry API (version 1) that are used here. The host hands in its objects,
// so nothing of it is imported.

/** A `Meter` of `@opentelemetry/api`, as far as it is used. */
export interface Meter {
  createHistogram(
    name: string,
    options: {
      readonly unit: string
      readonly description: string
      readonly advice: { explicitBucketBoundaries: number[] }
    },
  ): { record(seconds: number, attributes: Attributes): void }
  createCounter(
    name: string,
    options: { readonly unit: string; readonly description: string },
  ): { add(count: number, attributes: Attributes): void }
  createObservableGauge(
    name: string,
    options: { readonly unit: string; readonly description: string },
  ): {
    addCallback(observe: Observe): void
    removeCallback(observe: Observe): void
  }
}

/** Tells the number of a collection. */
export type Observe = (result: { observe(value: number): void }) => void

/**
 * Sends numbers to a meter. Counts are kept here and added at each collection, which is fast. Unlike
 * counts that the meter observes, they add up if several Twinkeys share a meter.
 */
export function meterSink(meter: Meter): Sink {
  const stops: (() => void)[] = []
  const sends: (() => void)[] = []
  const send = () => {
    for (const each of sends) each()
  }
  return {
    histogram({ name, unit, description }) {
      const advice = { explicitBucketBoundaries: [...BOUNDS] }
      const histogram = meter.createHistogram(name, { unit, description, advice })
      return (attributes) => (seconds) => histogram.record(seconds, attributes)
    },
    counter(metric) {
      const counter = meter.createCounter(metric.name, optionsOf(metric))
      return (attributes) => {
        const count = { value: 0 }
        let sent = 0
        sends.push(() => {
          const added = count.value - sent
          sent = count.value
          if (added > 0) counter.add(added, attributes)
        })
        return count
      }
    },
    gauge(metric, read) {
      const gauge = meter.createObservableGauge(metric.name, optionsOf(metric))
      // Meters call this at each collection, before they read their counters.
      const observe: Observe = (result) => {
        send()
        const value = read?.()
        if (value !== undefined) result.observe(value)
      }
      gauge.addCallback(observe)
      stops.push(() => gauge.removeCallback(observe))
    },
    stop() {
      for (const each of stops) each()
      send()
    },
  }
}

const optionsOf = ({ unit, description }: Metric) => ({ unit, description })
