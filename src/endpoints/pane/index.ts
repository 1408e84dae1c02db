/**
 * The page in which people manage API keys.
 *
 * @module twinkey/pane
 */

export type { PaneStrings } from '../../pane-app/strings.ts'
export { type PaneService, paneEndpoints } from './pane-endpoints.ts'
export type { PaneOptions, PaneTexts } from './pane-options.ts'
