// Names of rows that more than one place has to know.

/** Nothing in front of the handler: what all others are compared with. */
export const OPEN = 'no guard'
export const OUR_KEYS = 'Twinkey, keys'
export const OUR_TOKENS = 'Twinkey, tokens'
/** One decision without a server, as the guards of the adapters ask for it. */
export const DECIDE = 'Twinkey, decide'
