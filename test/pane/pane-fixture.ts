import { createTwinkey, type Endpoints } from 'twinkey'
import { type PaneOptions, paneEndpoints } from 'twinkey/pane'

/** A pane for one operator, over an empty store in memory. */
export function createPane(options: Partial<PaneOptions> = {}): Endpoints {
  return paneEndpoints(createTwinkey(), { authorize: () => ({ actor: 'operator-1' }), ...options })
}

/** The policy of the page as one text. */
export const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
