import type { Principal } from 'twinkey'
import { KeyPrincipal, type TwinkeyModuleOptions } from 'twinkey/nest'
import { afterEach, beforeAll } from 'vitest'
import { type RawRequest, sendRaw } from '../support/raw-http.ts'
import { type Callers, createCallers } from './callers.ts'
import { type Action, controllerOf, type PLATFORMS, start } from './nest-application.ts'

/** The credential of a request. */
export const bearer = (secret: string) => [['Authorization', `Bearer ${secret}`]] as const

/** Answers who the caller is. */
export const whoAmI: Pick<Action, 'parameter' | 'answer'> = {
  parameter: KeyPrincipal(),
  answer: ({ name, tenant, via }: Principal) => ({ name, tenant, via }),
}

/** Sends a request, a GET by default. */
export const ask = (port: number, target: string, more: Partial<RawRequest> = {}) =>
  sendRaw(port, { target, ...more })

type Platform = keyof typeof PLATFORMS

/** What `serve` of a scene takes, after the platform. */
export type Served = ReturnType<typeof createNestScene>['serve'] extends (
  platform: Platform,
  ...more: infer T
) => unknown
  ? T
  : never

/** Makes the keys of a file of tests, and closes its applications after each test. */
export function createNestScene() {
  let callers: Callers
  beforeAll(async () => {
    callers = await createCallers()
  })
  const closing: (() => unknown)[] = []
  afterEach(async () => {
    for (const close of closing.splice(0)) await close()
  })
  return {
    callers: () => callers,
    closing,
    /** Starts an application with one controller, and returns its port. */
    async serve(
      platform: Platform,
      actions: readonly Action[],
      decorators: Parameters<typeof controllerOf>[1] = [],
      options: Partial<TwinkeyModuleOptions> = {},
      more: Parameters<typeof start>[3] = {},
    ): Promise<number> {
      const all = { twinkey: callers.twinkey, ...options }
      const { app, port } = await start(platform, all, controllerOf(actions, decorators), more)
      closing.push(() => app.close())
      return port
    },
  }
}
