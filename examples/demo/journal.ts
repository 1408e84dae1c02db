import type { RefusedEvent, TwinkeyEvent } from 'twinkey'

/**
 * Listens to events and keeps the last refusal: what the operator learns and the caller does not.
 */
export interface Journal {
  hear(event: TwinkeyEvent): void
  /** The refusal since this was last asked, if there was one. */
  takeRefusal(): RefusedEvent | undefined
}

export function createJournal(): Journal {
  let last: RefusedEvent | undefined
  return {
    hear(event) {
      if (event.type === 'access.refused') last = event
    },
    takeRefusal() {
      const taken = last
      last = undefined
      return taken
    },
  }
}
