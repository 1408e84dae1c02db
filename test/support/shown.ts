import { inspect } from 'node:util'

/** Everything that a value shows of itself, in every way in which values are shown. */
export function shown(value: unknown): string {
  const inspected = inspect(value, {
    depth: Number.POSITIVE_INFINITY,
    showHidden: true,
    getters: true,
    maxArrayLength: null,
    maxStringLength: null,
    breakLength: Number.POSITIVE_INFINITY,
  })
  return [inspected, asJson(value), String(value), ...partsOf(value)].join('\n')
}

// Of an error, what loggers print of it, all the way down its chain of causes.
function partsOf(value: unknown): string[] {
  if (!(value instanceof Error)) return []
  const errors = value instanceof AggregateError ? value.errors : []
  return [
    value.message,
    String(value.stack),
    asJson({ ...value }),
    ...[value.cause, ...errors].filter(Boolean).map(shown),
  ]
}

function asJson(value: unknown): string {
  try {
    return String(JSON.stringify(value))
  } catch {
    // What goes round in circles has no JSON, and is inspected.
    return ''
  }
}
