/**
 * The page in which people manage API keys.
 *
 * @module twinkey/pane
 */

export { type PaneStrings, STRINGS } from '../../pane-app/strings.ts'
export { paneEndpoints } from './pane-endpoints.ts'
export type { PaneOptions, PaneTexts } from './pane-options.ts'
