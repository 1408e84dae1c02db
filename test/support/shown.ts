import { inspect } from 'node:util'

/** All text that a value shows in any way of printing it. */
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

// The fields that loggers print of an error, through its chain of causes.
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
    // A circular value has no JSON, and is only inspected.
    return ''
  }
}
