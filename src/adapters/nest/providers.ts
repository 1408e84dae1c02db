/** The provider of the Twinkey or verifier. Inject it in services, and override it in tests. */
export const TWINKEY = Symbol.for('twinkey.nest')
/** The provider of the option `requestOf`. */
export const REQUEST_OF = Symbol.for('twinkey.nest.request-of')
