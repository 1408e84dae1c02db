import type { IdentifiedCredential } from '../../core/management/credential-lookup.ts'
import type { TokenRevocation } from '../../core/management/token-revocation.ts'
import type { WarningEvent } from '../../core/model/events.ts'
import type { Refused } from '../../core/model/principal.ts'
import type { Deployment } from '../../guard/callbacks.ts'
import type { KeyringSource } from '../management/caller.ts'

/** What the leak endpoints need of a Twinkey. */
export interface LeakService extends Deployment {
  readonly keys: KeyringSource & {
    identify(credential: string): Promise<IdentifiedCredential | undefined>
  }
  readonly tokens: { revoke(token: string): Promise<TokenRevocation | Refused> }
  /** Emits a warning for operators. */
  warn(message: string, error: unknown, type?: WarningEvent['type']): void
  now(): number
  flush(): Promise<void> | undefined
}
