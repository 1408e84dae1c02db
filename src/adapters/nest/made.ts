import type { Provider } from '@nestjs/common'
import type { Decider } from '../../guard/guard.ts'
import type { TwinkeyModuleAsyncOptions } from './options.ts'
import { TWINKEY } from './providers.ts'

/** Keeps what the factory made. An override of `TWINKEY` is not made here, and stays open. */
class Made {
  twinkey: (Decider & { close?(): Promise<void> }) | undefined
}

/** Provides what the factory makes. */
export function madeBy({ inject = [], useFactory }: TwinkeyModuleAsyncOptions): Provider[] {
  const twinkey = {
    provide: TWINKEY,
    inject: [Made, ...inject],
    useFactory: async (made: Made, ...injected: never[]) => {
      made.twinkey = (await useFactory(...injected)).twinkey
      return made.twinkey
    },
  }
  return [Made, twinkey]
}

/** Closes what the factory made, when the server of the application has closed. */
export const closing: Provider = {
  provide: Symbol.for('twinkey.nest.closing'),
  inject: [Made],
  useFactory: (made: Made) => ({ onApplicationShutdown: () => made.twinkey?.close?.() }),
}
