/**
 * The error to hand to a framework. Express and Fastify take a thrown undefined for success, and
 * would run the next handler. Express takes some texts for instructions, like 'route'.
 */
export function errorOf(thrown: unknown): Error {
  if (typeof thrown === 'object' && thrown !== null) return thrown as Error
  return new TypeError('Something was thrown that is not an error.', { cause: thrown })
}
