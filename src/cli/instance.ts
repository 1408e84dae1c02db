import type { Twinkey } from '../index.ts'
import { usageError } from './usage-error.ts'

/** Checks that the configuration exports a Twinkey, not something else. */
export function requireTwinkey(value: unknown): Twinkey {
  const { keys, settings, close } = (value ?? {}) as Partial<Twinkey>
  if (typeof keys?.within !== 'function' || typeof close !== 'function')
    throw usageError(
      'The configuration exports a `twinkey` that does not come from createTwinkey. Write `export const twinkey = createTwinkey({ … })`.',
    )
  if (typeof settings !== 'function')
    throw usageError(
      'The `twinkey` of the configuration comes from an older version of this package. Install one version in the project.',
    )
  return value as Twinkey
}
