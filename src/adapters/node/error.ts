/**
 * The error to pass to a framework. Express and Fastify treat a thrown undefined as success, and
 * would run the next handler. Express treats some texts as instructions, like 'route'.
 */
export function errorOf(thrown: unknown): Error {
  if (typeof thrown === 'object' && thrown !== null) return thrown as Error
  return new TypeError('Something was thrown that is not an error.', { cause: thrown })
}
