/** Hands what goes on after the answer to a context with `waitUntil`, where the host passes one: Workers end with the response. */
export function outlive(work: Promise<void> | undefined, rest: readonly unknown[]): void {
  const context = work && rest.find((each) => typeof (each as { waitUntil?: unknown } | null | undefined)?.waitUntil === 'function')
  if (context) (context as { waitUntil(work: Promise<void>): void }).waitUntil(work)
}

/** A response that no shared cache keeps, unless it says otherwise. One from elsewhere has headers that cannot be changed, so it is made anew. */
export function withoutCaching(response: Response): Response {
  if (response.headers.has('cache-control')) return response
  const headers = new Headers(response.headers)
  headers.set('cache-control', 'no-store')
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers })
}
