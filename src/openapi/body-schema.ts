/** A schema that is valid in OpenAPI 3.0, in OpenAPI 3.1 and as JSON Schema. */
export type BodySchema = {
  type?: 'object' | 'string' | 'integer' | 'number' | 'boolean'
  description?: string
  enum?: (string | number)[]
  required?: string[]
  properties?: Record<string, BodySchema>
}

/** A value in the body of a refusal, with what it may stand for. */
export interface Sample {
  readonly value: unknown
  /** The code of the refusal. A text that equals it, in any case, becomes an enumeration. */
  readonly code: string
  /** The status of the refusal. */
  readonly status: number
}

/**
 * Describes values of the same place in several bodies.
 *
 * @param isOpen Whether there are other codes than those of the samples.
 */
export function schemaOf(samples: readonly Sample[], isOpen: boolean): BodySchema {
  if (samples.every(({ value }) => isObject(value))) return objectSchema(samples, isOpen)
  if (samples.every(({ value }) => typeof value === 'string')) {
    const isCode = samples.every(({ value, code }) => String(value).toLowerCase() === code)
    return { type: 'string', ...(isCode && !isOpen && { enum: distinct(samples) }) }
  }
  if (samples.every(({ value }) => Number.isInteger(value))) {
    const isStatus = samples.every(({ value, status }) => value === status)
    return { type: 'integer', ...(isStatus && { enum: distinct(samples) }) }
  }
  if (samples.every(({ value }) => typeof value === 'number')) return { type: 'number' }
  return samples.every(({ value }) => typeof value === 'boolean') ? { type: 'boolean' } : {}
}

function objectSchema(samples: readonly Sample[], isOpen: boolean): BodySchema {
  const names = new Set(samples.flatMap(({ value }) => Object.keys(value as object)))
  const having = (name: string) =>
    samples.filter(({ value }) => Object.hasOwn(value as object, name))
  return {
    type: 'object',
    required: [...names].filter((name) => having(name).length === samples.length),
    properties: Object.fromEntries(
      [...names].map((name) => [name, schemaOf(having(name).map(memberOf(name)), isOpen)]),
    ),
  }
}

function memberOf(name: string): (sample: Sample) => Sample {
  return (sample) => ({ ...sample, value: (sample.value as Record<string, unknown>)[name] })
}

function distinct(samples: readonly Sample[]): (string | number)[] {
  return [...new Set(samples.map(({ value }) => value as string | number))]
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
