import { onExpress } from './on-express.ts'
import { onFastify } from './on-fastify.ts'
import { onHono } from './on-hono.ts'
import type { Api } from './route.ts'
import type { Listener } from './server.ts'

/** The frameworks that can serve the demo. */
export const FRAMEWORKS = { express: onExpress, fastify: onFastify, hono: onHono } satisfies Record<
  string,
  (api: Api) => Promise<Listener>
>

export type Framework = keyof typeof FRAMEWORKS

/** Tells whether a word names a framework. */
export function isFramework(word: string): word is Framework {
  return Object.hasOwn(FRAMEWORKS, word)
}
