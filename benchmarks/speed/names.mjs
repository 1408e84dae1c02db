// Row names that several modules use.

/** The route without a guard, with which all others are compared. */
export const OPEN = 'no guard'
export const OUR_KEYS = 'Twinkey, keys'
export const OUR_TOKENS = 'Twinkey, tokens'
/** One decision without a server, as the guards of the adapters request it. */
export const DECIDE = 'Twinkey, decide'
