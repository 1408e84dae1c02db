import { type Attributes, BOUNDS, type Metric, type Sink } from './metrics.ts'

/** A `Registry` of prom-client, version 15. */
export interface PrometheusRegistry {
  // prom-client declares the classes of its own metrics here, but only needs the members below.
  registerMetric(metric: never): void
  removeSingleMetric(name: string): void
}

/** A metric as a registry reads it. */
interface Collected {
  // A registry that writes the OpenMetrics format takes `_total` away.
  name: string
  readonly help: string
  readonly type: 'histogram' | 'counter' | 'gauge'
  /** How a primary process of a cluster combines the numbers of its workers. */
  readonly aggregator: 'sum' | 'max'
  get(): Promise<object>
  reset(): void
}

interface Value {
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
  readonly metricName?: string
}

type Labels = Readonly<Record<string, string>>

/** Numbers of one series of a histogram. The last bucket has no upper bound. */
interface Series {
  readonly labels: Labels
  readonly buckets: Float64Array
  sum: number
}

/** Keeps the numbers, and hands them out when the registry is scraped. */
export function registrySink(registry: PrometheusRegistry): Sink {
  const names: string[] = []
  function register(
    name: string,
    { description: help }: Metric,
    type: Collected['type'],
    values: () => Value[],
    reset: () => void,
  ) {
    const aggregator = type === 'gauge' ? 'max' : 'sum'
    const metric: Collected = {
      name,
      help,
      type,
      aggregator,
      get: async () => ({ name: metric.name, help, type, aggregator, values: values() }),
      reset,
    }
    registry.registerMetric(metric as never)
    names.push(name)
  }

  return {
    histogram(metric) {
      const name = nameOf(metric, '_seconds')
      const all: Series[] = []
      const values = () => all.flatMap((series) => valuesOf(series, name))
      register(name, metric, 'histogram', values, () => {
        for (const series of all) {
          series.buckets.fill(0)
          series.sum = 0
        }
      })
      return (attributes) => {
        const buckets = new Float64Array(BOUNDS.length + 1)
        const series: Series = { labels: labelsOf(attributes), buckets, sum: 0 }
        all.push(series)
        return (seconds) => {
          let at = 0
          while (at < BOUNDS.length && seconds > (BOUNDS[at] as number)) at++
          buckets[at] = (buckets[at] as number) + 1
          series.sum += seconds
        }
      }
    },
    counter(metric) {
      const counts: { readonly labels: Labels; value: number }[] = []
      const values = () => counts.map(({ labels, value }) => ({ labels, value }))
      register(nameOf(metric, '_total'), metric, 'counter', values, () => {
        for (const count of counts) count.value = 0
      })
      return (attributes) => {
        const count = { labels: labelsOf(attributes), value: 0 }
        counts.push(count)
        return count
      }
    },
    gauge(metric, read) {
      if (read === undefined) return
      const values = () => {
        const value = read()
        return value === undefined ? [] : [{ labels: {}, value }]
      }
      register(nameOf(metric, ''), metric, 'gauge', values, () => {})
    },
    stop() {
      for (const name of names) registry.removeSingleMetric(name)
    },
  }
}

function valuesOf({ labels, buckets, sum }: Series, name: string): Value[] {
  let count = 0
  const values: Value[] = Array.from(buckets, (inBucket, at) => {
    count += inBucket
    const le = BOUNDS[at] ?? '+Inf'
    return { labels: { le, ...labels }, value: count, metricName: `${name}_bucket` }
  })
  return [
    ...values,
    { labels, value: sum, metricName: `${name}_sum` },
    { labels, value: count, metricName: `${name}_count` },
  ]
}

function nameOf({ name }: Metric, suffix: string): string {
  return name.replaceAll('.', '_') + suffix
}

function labelsOf(attributes: Attributes): Labels {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [
      name.replace('twinkey.', '').replaceAll('.', '_'),
      String(value),
    ]),
  )
}
