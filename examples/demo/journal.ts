import type { RefusedEvent, TwinkeyEvent } from 'twinkey'

/** Listens to events and keeps the last refusal, with the reason that only the operator sees. */
export interface Journal {
  hear(event: TwinkeyEvent): void
  /** Answers the last refusal since the previous call, if any. */
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
