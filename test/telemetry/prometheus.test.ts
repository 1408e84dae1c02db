import { createServer } from 'node:http'
import { AggregatorRegistry, type OpenMetricsContentType, Registry } from 'prom-client'
import { instrument, type PrometheusRegistry } from 'twinkey/telemetry'
import { afterEach, describe, expect, it } from 'vitest'
import { createScene, requestWith } from './scene.ts'

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

/** Serves a registry as an application does, and scrapes it over HTTP. */
async function scrape(registry: {
  readonly contentType: string
  metrics(): Promise<string>
}): Promise<string> {
  const server = createServer(async (_, response) => {
    response.setHeader('content-type', registry.contentType)
    response.end(await registry.metrics())
  })
  await new Promise<void>((resolve) => server.listen(0, resolve))
  try {
    const { port } = server.address() as { port: number }
    return await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  } finally {
    server.close()
  }
}

async function instrumented(registry: PrometheusRegistry) {
  const scene = await createScene()
  stops.push(instrument(scene.twinkey, { registry }))
  for (let i = 0; i < 3; i++) await scene.decide(requestWith(scene.primary))
  await scene.decide(requestWith())
  await scene.twinkey.tokens.issue(scene.primary)
  return scene
}

/** The lines of a metric, without times. */
const linesOf = (text: string, name: string) =>
  text.split('\n').filter((line) => line.startsWith(name) && !line.includes('_sum'))

describe('a scrape', () => {
  it('has every metric with help, type and labels', async () => {
    const registry = new Registry()
    const { twinkey } = await instrumented(registry)
    const text = await scrape(registry)
    expect(linesOf(text, '# TYPE twinkey_')).toEqual([
      '# TYPE twinkey_authenticate_duration_seconds histogram',
      '# TYPE twinkey_decisions_total counter',
      '# TYPE twinkey_cache_lookups_total counter',
      '# TYPE twinkey_refusals_total counter',
      '# TYPE twinkey_exchange_duration_seconds histogram',
      '# TYPE twinkey_store_duration_seconds histogram',
      '# TYPE twinkey_keys_expiring gauge',
    ])
    expect(linesOf(text, 'twinkey_decisions_total')).toEqual([
      'twinkey_decisions_total{result="allowed",via="secret",cached="false"} 1',
      'twinkey_decisions_total{result="allowed",via="secret",cached="true"} 2',
      'twinkey_decisions_total{result="refused",code="credential_missing"} 1',
    ])
    // Decisions in memory have no duration, not even an empty one.
    expect(linesOf(text, 'twinkey_authenticate_duration_seconds_count')).toEqual([
      'twinkey_authenticate_duration_seconds_count{result="allowed",via="secret",cached="false"} 1',
    ])
    expect(linesOf(text, 'twinkey_exchange_duration_seconds_count')).toEqual([
      'twinkey_exchange_duration_seconds_count{result="issued"} 1',
    ])
    await twinkey.keys.list()
    expect(await scrape(registry)).toContain('operation="list"')
  })

  it('has cumulative buckets, up to all', async () => {
    const registry = new Registry()
    await instrumented(registry)
    const text = await scrape(registry)
    const buckets = linesOf(text, 'twinkey_authenticate_duration_seconds_bucket{').filter((line) =>
      line.includes('cached="false"'),
    )
    const counts = buckets.map((line) => Number(line.split(' ').at(-1)))
    expect(counts).toEqual(counts.toSorted((one, other) => one - other))
    expect(buckets.at(-1)).toContain('le="+Inf"')
    expect(counts.at(-1)).toBe(1)
    expect(counts[0]).toBe(0)
    const sum = /twinkey_authenticate_duration_seconds_sum\{.*cached="false"\} (\S+)/.exec(
      text,
    )?.[1]
    expect(Number(sum)).toBeGreaterThan(0)
  })

  it('is right in the OpenMetrics format too', async () => {
    const registry = new Registry<OpenMetricsContentType>()
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
    await instrumented(registry)
    for (const text of [await scrape(registry), await scrape(registry)]) {
      expect(text).toContain('# TYPE twinkey_decisions counter')
      expect(text).toContain(
        'twinkey_decisions_total{result="refused",code="credential_missing"} 1',
      )
      expect(text).not.toContain('_total_total')
      expect(text.endsWith('# EOF\n')).toBe(true)
    }
  })

  it('shows the number of keys that end soon after it was counted', async () => {
    const registry = new Registry()
    const { twinkey } = await instrumented(registry)
    await twinkey.keys.create({
      name: 'soon',
      scope: { tenants: ['t1'], workflows: ['flows.read'] },
      expiresAt: Date.now() + 86_400_000,
    })
    await scrape(registry)
    await twinkey.keys.list()
    expect(linesOf(await scrape(registry), 'twinkey_keys_expiring')).toEqual([
      'twinkey_keys_expiring 1',
    ])
  })
})

describe('a registry', () => {
  it('can reset its metrics', async () => {
    const registry = new Registry()
    const { primary, decide } = await instrumented(registry)
    registry.resetMetrics()
    await decide(requestWith(primary))
    const text = await scrape(registry)
    expect(linesOf(text, 'twinkey_decisions_total{result="allowed"')).toEqual([
      'twinkey_decisions_total{result="allowed",via="secret",cached="false"} 0',
      'twinkey_decisions_total{result="allowed",via="secret",cached="true"} 1',
    ])
    expect(text).toMatch(/authenticate_duration_seconds_count\{.*\} 0/)
  })

  it('of a cluster adds the numbers of its workers', async () => {
    const [first, second] = [new Registry(), new Registry()]
    await instrumented(first)
    await instrumented(second)
    const all = AggregatorRegistry.aggregate([
      await first.getMetricsAsJSON(),
      await second.getMetricsAsJSON(),
    ] as never)
    const text = await scrape(all)
    expect(text).toContain('twinkey_decisions_total{result="refused",code="credential_missing"} 2')
    expect(text).toContain('twinkey_exchange_duration_seconds_count{result="issued"} 2')
  })

  it('that has the metrics already is left as it was', async () => {
    const registry = new Registry()
    const { twinkey } = await instrumented(registry)
    const before = registry.getMetricsAsArray().length
    const second = await createScene()
    expect(() => instrument(second.twinkey, { registry })).toThrow('already been registered')
    expect(registry.getMetricsAsArray()).toHaveLength(before)
    await second.decide(requestWith(second.primary))
    expect(linesOf(await scrape(registry), 'twinkey_decisions_total')).toHaveLength(3)
    stops.splice(0)[0]?.()
    expect(registry.getMetricsAsArray()).toEqual([])
    stops.push(instrument(twinkey, { registry }))
    expect(registry.getMetricsAsArray()).toHaveLength(before)
  })
})
