import { tracingChannel } from 'node:diagnostics_channel'
import { context, metrics, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AggregationTemporality,
  type DataPoint,
  type Histogram,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { Registry } from 'prom-client'
import { createTwinkey } from 'twinkey'
import type { KeyStore } from 'twinkey/store'
import { memoryStore } from 'twinkey/stores/memory'
import { instrument } from 'twinkey/telemetry'
import { createVerifier } from 'twinkey/verifier'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { createScene, requestWith } from './scene.ts'

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

function createMeter() {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 1e8 })
  const provider = new MeterProvider({ readers: [reader] })
  /** Collects, and returns the points of each metric. */
  async function collect() {
    exporter.reset()
    await reader.forceFlush()
    const all = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics)
    const found = all.flatMap((scope) => scope.metrics)
    const points = Object.fromEntries(
      found.map(({ descriptor, dataPoints }) => [
        descriptor.name,
        (dataPoints as DataPoint<number | Histogram>[]).map(({ attributes, value }) => [
          attributes,
          typeof value === 'number' ? value : value.count,
        ]),
      ]),
    )
    return { points, found }
  }
  return { meter: provider.getMeter('twinkey'), collect }
}

function createTracer() {
  const exporter = new InMemorySpanExporter()
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  return { tracer: provider.getTracer('twinkey'), spans: () => exporter.getFinishedSpans() }
}

describe('metrics', () => {
  it('count every decision, and time those that waited', async () => {
    const { twinkey, primary, decide } = await createScene()
    const { meter, collect } = createMeter()
    stops.push(instrument(twinkey, { meter }))
    for (let i = 0; i < 4; i++) await decide(requestWith(primary))
    await decide(requestWith())
    await decide(requestWith(primary), 'flows.write')
    await decide(requestWith('acme_1'))
    const { points } = await collect()

    const allowed = { 'twinkey.result': 'allowed', 'twinkey.via': 'secret' }
    const refused = (code: string) => ({ 'twinkey.result': 'refused', 'twinkey.code': code })
    expect(points['twinkey.decisions']).toEqual([
      [{ ...allowed, 'twinkey.cached': false }, 1],
      [{ ...allowed, 'twinkey.cached': true }, 3],
      [refused('credential_missing'), 1],
      [{ ...refused('workflow_denied'), 'twinkey.cached': true }, 1],
      [refused('credential_invalid'), 1],
    ])
    expect(points['twinkey.authenticate.duration']).toEqual([
      [{ ...allowed, 'twinkey.cached': false }, 1],
    ])
    expect(points['twinkey.cache.lookups']).toEqual([
      [{ 'twinkey.result': 'hit' }, 4],
      [{ 'twinkey.result': 'miss' }, 1],
    ])
    expect(points['twinkey.refusals']).toEqual([
      [{ 'twinkey.code': 'credential_missing' }, 1],
      [{ 'twinkey.code': 'workflow_denied', 'twinkey.reason': 'not_covered' }, 1],
      [{ 'twinkey.code': 'credential_invalid', 'twinkey.reason': 'secret_malformed' }, 1],
    ])
    expect(points['twinkey.store.duration']).toContainEqual([{ 'twinkey.operation': 'get' }, 1])
  })

  it('have seconds, and buckets from microseconds to the deadline of the store', async () => {
    const { twinkey, primary, decide } = await createScene()
    const { meter, collect } = createMeter()
    stops.push(instrument(twinkey, { meter }))
    await decide(requestWith(primary))
    await twinkey.tokens.issue(primary)
    const { found } = await collect()
    const durations = found.filter(({ descriptor }) => descriptor.name.endsWith('.duration'))
    expect(durations).toHaveLength(3)
    for (const { descriptor, dataPoints } of durations) {
      expect(descriptor.unit).toBe('s')
      const [point] = dataPoints as DataPoint<Histogram>[]
      const { buckets, sum, count } = (point as DataPoint<Histogram>).value
      expect(buckets.boundaries[0]).toBeLessThan(0.0001)
      expect(buckets.boundaries.at(-1)).toBeGreaterThanOrEqual(5)
      expect(sum as number).toBeGreaterThan(0)
      expect(sum as number).toBeLessThan(60 * count)
    }
  })

  it('count exchanges and failures of the store', async () => {
    const { twinkey, primary, outage, decide } = await createScene()
    const { meter, collect } = createMeter()
    stops.push(instrument(twinkey, { meter }))
    await twinkey.tokens.issue(primary)
    await twinkey.tokens.issue('acme_1')
    await expect(
      twinkey.tokens.issue(primary, () => {
        throw new TypeError('secret text')
      }),
    ).rejects.toThrow('secret text')
    outage.error = new Error('down')
    await decide(requestWith(primary))
    await twinkey.keys.get('k').catch(() => {})
    const { points } = await collect()
    expect(points['twinkey.exchange.duration']).toEqual([
      [{ 'twinkey.result': 'issued' }, 1],
      [{ 'twinkey.result': 'refused', 'twinkey.code': 'credential_invalid' }, 1],
      [{ 'twinkey.result': 'failed', 'error.type': 'TypeError' }, 1],
    ])
    expect(points['twinkey.store.duration']).toContainEqual([
      { 'twinkey.operation': 'get', 'error.type': 'store_unavailable' },
      1,
    ])
    expect(points['twinkey.refusals']).toEqual([
      [{ 'twinkey.code': 'credential_invalid', 'twinkey.reason': 'secret_malformed' }, 1],
    ])
  })

  it('have a limited number of error types, and none with text of another form', async () => {
    const { twinkey, primary } = await createScene()
    const { meter, collect } = createMeter()
    stops.push(instrument(twinkey, { meter }))
    const unreadable = {
      get code() {
        throw new Error('unreadable')
      },
    }
    const errors: unknown[] = [unreadable, null, { name: 'two words', code: 5 }]
    for (let at = 0; at < 60; at++) errors.push(Object.assign(new Error(), { code: `E${at}` }))
    for (const error of errors)
      await expect(
        twinkey.tokens.issue(primary, () => {
          throw error
        }),
      ).rejects.toBe(error)
    const { points } = await collect()
    const counts = points['twinkey.exchange.duration'] as [Record<string, string>, number][]
    expect(counts.length).toBeLessThanOrEqual(51)
    expect(counts).toContainEqual([{ 'twinkey.result': 'failed', 'error.type': 'E1' }, 1])
    const [, others] = counts.find(([each]) => each['error.type'] === '_OTHER') ?? []
    expect(others).toBe(errors.length - counts.length + 1)
  })

  it('add up if two Twinkeys share a meter, at each collection', async () => {
    const [first, second] = [await createScene(), await createScene()]
    const { meter, collect } = createMeter()
    for (const { twinkey } of [first, second]) stops.push(instrument(twinkey, { meter }))
    for (const sum of [3, 6]) {
      for (const { decide } of [first, first, second]) await decide(requestWith())
      const { points } = await collect()
      expect(points['twinkey.decisions']?.map(([, count]) => count)).toEqual([sum])
    }
  })

  it('count the decisions of a Twinkey that was copied', async () => {
    const { twinkey, primary, decide } = await createScene()
    const { meter, collect } = createMeter()
    const { tracer, spans } = createTracer()
    stops.push(instrument({ ...twinkey }, { meter, tracer }))
    await decide(requestWith(primary))
    expect((await collect()).points['twinkey.decisions']).toHaveLength(1)
    const [get, authenticate] = spans()
    expect(get?.parentSpanContext?.spanId).toBe(authenticate?.spanContext().spanId)
  })

  it('name no key, tenant or owner', async () => {
    const { twinkey, key, primary, decide } = await createScene()
    const { meter, collect } = createMeter()
    stops.push(instrument(twinkey, { meter }))
    await decide(requestWith(primary))
    await decide(requestWith(primary), 'flows.write')
    await twinkey.tokens.issue(primary)
    await twinkey.keys.disable(key.id)
    await decide(requestWith(primary))
    const { found } = await collect()
    const text = JSON.stringify(found)
    expect(text).toContain('key_disabled')
    for (const name of [key.id, 'ada', 't1', 'billing', 'flows.']) expect(text).not.toContain(name)
  })

  it('count the keys that end within seven days', async () => {
    const { twinkey } = await createScene()
    const scope = { tenants: ['t1'], workflows: ['flows.read'] }
    for (const days of [1, 6.9, 7.1])
      await twinkey.keys.create({
        name: `${days}`,
        scope,
        expiresAt: Date.now() + days * 86_400_000,
      })
    const { meter, collect } = createMeter()
    stops.push(instrument(twinkey, { meter }))
    await collect()
    await vi.waitFor(async () =>
      expect((await collect()).points['twinkey.keys.expiring']).toEqual([[{}, 2]]),
    )
  })

  it('leave out the number of expiring keys while the store fails', async () => {
    const { twinkey } = await createScene()
    const { meter, collect } = createMeter()
    let calls = 0
    const keys = {
      async *all() {
        calls++
        yield* []
        throw new Error('down')
      },
    }
    stops.push(instrument({ ...twinkey, keys }, { meter }))
    await collect()
    expect((await collect()).points['twinkey.keys.expiring']).toBeUndefined()
    expect(calls).toBe(1)
  })

  it('end with the function that instrument returns', async () => {
    const { twinkey, primary, decide } = await createScene()
    const { meter, collect } = createMeter()
    const stop = instrument(twinkey, { meter })
    await decide(requestWith(primary))
    stop()
    stop()
    await decide(requestWith(primary))
    const { points } = await collect()
    expect(points['twinkey.decisions']?.map(([, count]) => count)).toEqual([1])
    expect(points['twinkey.authenticate.duration']).toHaveLength(1)
    expect(points['twinkey.keys.expiring']).toBeUndefined()
  })

  it('keep two Twinkeys of a process apart, and take a verifier', async () => {
    const [first, second] = [await createScene(), await createScene()]
    const meters = [createMeter(), createMeter(), createMeter()]
    const jwks = await second.twinkey.tokens.jwks()
    const verifier = createVerifier({
      jwks,
      issuer: second.twinkey.tokens.issuer,
      audience: second.twinkey.audiences[0] as string,
    })
    for (const [at, each] of [first.twinkey, second.twinkey, verifier].entries())
      stops.push(instrument(each, { meter: meters[at]?.meter }))
    await first.decide(requestWith(first.primary))
    await first.decide(requestWith(second.primary))
    const issued = await second.twinkey.tokens.issue(second.primary)
    await verifier.verify(issued.ok ? issued.token : '')
    const counts = await Promise.all(
      meters.map(async ({ collect }) =>
        (await collect()).points['twinkey.decisions']?.map(([, count]) => count),
      ),
    )
    expect(counts).toEqual([[1, 1], undefined, [1]])
  })
})

describe('spans', () => {
  const manager = new AsyncLocalStorageContextManager()
  beforeAll(() => {
    context.setGlobalContextManager(manager.enable())
  })
  afterAll(() => {
    context.disable()
    metrics.disable()
  })

  const byName = (spans: readonly ReadableSpan[]) =>
    Object.fromEntries(spans.map((span) => [span.name, span]))

  it('are made for a decision that waits, and inside it for the store', async () => {
    const { twinkey, key, primary, decide } = await createScene()
    const { tracer, spans } = createTracer()
    stops.push(instrument(twinkey, { tracer }))
    await tracer.startActiveSpan('GET /flows', async (request) => {
      await decide(requestWith(primary))
      request.end()
    })
    const all = byName(spans())
    const [request, authenticate, get] = [
      'GET /flows',
      'twinkey.authenticate',
      'twinkey.store.get',
    ].map((name) => all[name] as ReadableSpan)
    expect(authenticate?.parentSpanContext?.spanId).toBe(request?.spanContext().spanId)
    expect(get?.parentSpanContext?.spanId).toBe(authenticate?.spanContext().spanId)
    expect(get?.spanContext().traceId).toBe(request?.spanContext().traceId)
    expect([authenticate?.kind, get?.kind]).toEqual([SpanKind.INTERNAL, SpanKind.CLIENT])
    expect(authenticate?.attributes).toEqual({
      'twinkey.result': 'allowed',
      'twinkey.via': 'secret',
      'twinkey.cached': false,
      'twinkey.key.id': key.id,
    })
    // A span begins when its work did, although it is made later.
    const times = [request, authenticate, get].map((span) => {
      const [seconds, nanoseconds] = span?.startTime ?? [0, 0]
      return seconds * 1000 + nanoseconds / 1e6
    })
    expect(times).toEqual(times.toSorted((one, other) => one - other))
    expect(authenticate?.duration[0]).toBeLessThan(60)
    expect(authenticate?.ended && get?.ended).toBe(true)
  })

  it('have the time of the clock, also after the machine slept', async () => {
    const { twinkey, primary, decide } = await createScene()
    const { tracer, spans } = createTracer()
    stops.push(instrument(twinkey, { tracer }))
    const now = Date.now.bind(Date)
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => now() + 3_600_000)
    try {
      await decide(requestWith(primary))
      const times = spans().flatMap(({ startTime, endTime }) => [startTime[0], endTime[0]])
      expect(times.length).toBeGreaterThanOrEqual(4)
      for (const seconds of times) expect(Math.abs(seconds - Date.now() / 1000)).toBeLessThan(60)
    } finally {
      clock.mockRestore()
    }
  })

  it('are not made for a decision in memory, unless it is a refusal', async () => {
    const { twinkey, primary, decide } = await createScene()
    await decide(requestWith(primary))
    const { tracer, spans } = createTracer()
    stops.push(instrument(twinkey, { tracer }))
    await decide(requestWith(primary))
    expect(spans()).toEqual([])
    await decide(requestWith(primary), 'flows.write')
    expect(spans().map(({ name, attributes }) => [name, attributes['twinkey.reason']])).toEqual([
      ['twinkey.authenticate', 'not_covered'],
    ])
  })

  it('are not made for a request whose spans are suppressed', async () => {
    const { twinkey, primary, decide } = await createScene()
    const { tracer, spans } = createTracer()
    stops.push(instrument(twinkey, { tracer }))
    // As the instrumentation of HTTP does for requests that it ignores.
    const key = Symbol.for('OpenTelemetry SDK Context Key SUPPRESS_TRACING')
    const suppressed = context.active().setValue(key, true)
    await context.with(suppressed, () => decide(requestWith(primary)))
    expect(spans()).toEqual([])
  })

  it('are errors if the store fails, but not if a request is refused', async () => {
    const { twinkey, primary, outage, decide } = await createScene()
    const { tracer, spans } = createTracer()
    stops.push(instrument(twinkey, { tracer }))
    await decide(requestWith('acme_1'))
    outage.error = new Error('password of the database')
    await decide(requestWith(primary))
    const statuses = spans().map(({ name, status, attributes }) => [
      name,
      status.code,
      attributes['error.type'],
    ])
    expect(statuses).toEqual([
      ['twinkey.authenticate', SpanStatusCode.UNSET, undefined],
      ['twinkey.store.get', SpanStatusCode.ERROR, 'store_unavailable'],
      ['twinkey.authenticate', SpanStatusCode.ERROR, undefined],
    ])
    expect(
      JSON.stringify(spans().map(({ events, attributes }) => [events, attributes])),
    ).not.toContain('password')
  })

  it('of an exchange have the token id, and the store inside', async () => {
    const { twinkey, primary } = await createScene()
    const { tracer, spans } = createTracer()
    stops.push(instrument(twinkey, { tracer }))
    const issued = await twinkey.tokens.issue(primary)
    const all = byName(spans())
    const exchange = all['twinkey.exchange'] as ReadableSpan
    expect(exchange.attributes).toEqual({
      'twinkey.result': 'issued',
      'twinkey.token.id': issued.ok && issued.tokenId,
    })
    expect(all['twinkey.store.get']?.parentSpanContext?.spanId).toBe(exchange.spanContext().spanId)
  })

  it('of requests at once do not mix', async () => {
    const { twinkey, decide } = await createScene()
    const { tracer, spans } = createTracer()
    const scope = { tenants: ['t1'], workflows: ['flows.read'] }
    const created = await Promise.all(
      Array.from({ length: 20 }, (_, at) => twinkey.keys.create({ name: `${at}`, scope })),
    )
    stops.push(instrument(twinkey, { tracer }))
    await Promise.all(
      created.map(({ key, primary }) =>
        tracer.startActiveSpan(key.id, async (span) => {
          await decide(requestWith(primary))
          span.end()
        }),
      ),
    )
    const all = spans()
    for (const { key } of created) {
      const request = all.find(({ name }) => name === key.id)
      const inside = all.filter(
        (span) => span.spanContext().traceId === request?.spanContext().traceId,
      )
      const names = inside.map(({ name }) => name).filter((name) => !name.endsWith('recordUse'))
      expect(names.sort()).toEqual([key.id, 'twinkey.authenticate', 'twinkey.store.get'].sort())
    }
  })

  it('of work that outlives its decision have no parent in it', async () => {
    const { twinkey, key, primary } = await createScene()
    const { tracer, spans } = createTracer()
    stops.push(instrument(twinkey, { tracer }))
    let goOn: () => void = () => {}
    let after: Promise<unknown> | undefined
    const authorize = () => {
      after ??= new Promise<void>((resolve) => {
        goOn = resolve
      }).then(() => twinkey.keys.get(key.id))
      return undefined
    }
    await twinkey.authenticate(requestWith(primary), { workflow: 'flows.read', authorize })
    await twinkey.flush()
    const before = spans().length
    goOn()
    await after
    const later = spans().slice(before)
    expect(later.map(({ name }) => name)).toEqual(['twinkey.store.get'])
    expect(later[0]?.parentSpanContext).toBeUndefined()
  })

  it('end, and have parents that end, also if a write of last uses outlives its decision', async () => {
    const { twinkey, primary, decide } = await createScene()
    const { tracer, spans } = createTracer()
    stops.push(instrument(twinkey, { tracer }))
    await decide(requestWith(primary))
    await twinkey.flush()
    const all = spans()
    expect(all.map(({ name }) => name)).toContain('twinkey.store.recordUse')
    const ids = all.map((span) => span.spanContext().spanId)
    for (const { parentSpanContext } of all)
      expect([undefined, ...ids]).toContain(parentSpanContext?.spanId)
  })
})

describe('a duration', () => {
  it('is the time that the store took, in seconds', async () => {
    let now = 1000
    const memory = memoryStore()
    const slow: KeyStore = {
      ...memory,
      async get(id, signal) {
        now += 250
        return memory.get(id, signal)
      },
    }
    const { twinkey, primary, decide } = await createScene({ store: slow })
    const { meter, collect } = createMeter()
    const { tracer, spans } = createTracer()
    const registry = new Registry()
    stops.push(instrument(twinkey, { meter, tracer, registry }))
    const clocks = [
      vi.spyOn(performance, 'now').mockImplementation(() => now),
      vi.spyOn(Date, 'now').mockImplementation(() => 1_800_000_000_000 + now),
    ]
    try {
      await decide(requestWith(primary))
    } finally {
      for (const clock of clocks) clock.mockRestore()
    }
    for (const name of ['twinkey.store.get', 'twinkey.authenticate']) {
      const span = spans().find((each) => each.name === name)
      expect(span?.startTime[0]).toBe(1_800_000_001)
      expect(span?.startTime[1]).toBeLessThan(2e6)
      expect(span?.duration[0]).toBe(0)
      expect(Math.abs((span?.duration[1] ?? 0) - 250e6)).toBeLessThan(1000)
    }
    const { found } = await collect()
    const [time] = found
      .filter(({ descriptor }) => descriptor.name === 'twinkey.authenticate.duration')
      .flatMap(({ dataPoints }) => dataPoints as DataPoint<Histogram>[])
    expect(time?.value.sum).toBeCloseTo(0.25, 9)
    // A bound belongs to the bucket below it.
    const { boundaries, counts } = time?.value.buckets ?? { boundaries: [], counts: [] }
    expect(boundaries[counts.indexOf(1)]).toBe(0.25)
    const text = await registry.metrics()
    expect(text).toMatch(/authenticate_duration_seconds_bucket\{le="0.1",.*\} 0/)
    expect(text).toMatch(/authenticate_duration_seconds_bucket\{le="0.25",.*\} 1/)
    expect(text).toMatch(/authenticate_duration_seconds_sum\{.*\} 0.25/)
  })
})

describe('instrument', () => {
  it('leaves nobody on the channels after its end', async () => {
    const { twinkey } = await createScene()
    const { meter } = createMeter()
    const stop = instrument(twinkey, { meter, tracer: createTracer().tracer })
    const channels = ['authenticate', 'exchange', 'store'].map((name) =>
      tracingChannel(`twinkey:${name}`),
    )
    const heard = () =>
      channels.map(({ start, end, asyncEnd }) =>
        [start, end, asyncEnd].map(({ hasSubscribers }) => hasSubscribers),
      )
    expect(heard()).toEqual([
      [true, true, true],
      [true, true, true],
      [false, true, true],
    ])
    stop()
    expect(heard().flat()).not.toContain(true)
  })

  const { meter } = createMeter()
  const twinkey = createTwinkey()

  it.each([
    ['no instrument', twinkey, {}, 'give a meter, a tracer or a registry'],
    ['a provider as meter', twinkey, { meter: metrics }, 'meter must be a Meter of OpenTelemetry'],
    ['a provider as tracer', twinkey, { tracer: trace }, 'tracer must be a Tracer'],
    ['text as registry', twinkey, { registry: 'x' }, 'registry must be a Registry of prom-client'],
    ['null', twinkey, { meter: null }, 'meter must be a Meter'],
    ['an unknown instrument', twinkey, { metre: meter }, 'metre'],
    ['nothing', twinkey, undefined, 'The instruments'],
    ['no Twinkey', undefined, { meter }, 'what createTwinkey or createVerifier returns'],
    ['another object', {}, { meter }, 'what createTwinkey or createVerifier returns'],
  ])('says what is wrong with %s', (_, first, second, message) => {
    expect(() => instrument(first as never, second as never)).toThrow(message)
    expect(() => instrument(first as never, second as never)).toThrow(TypeError)
  })

  it('says what a runtime lacks', () => {
    vi.stubGlobal('process', undefined)
    try {
      expect(() => instrument(twinkey, { meter })).toThrow('nodejs_compat')
    } finally {
      vi.unstubAllGlobals()
    }
  })
})
