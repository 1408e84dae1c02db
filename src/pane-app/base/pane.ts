import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { Format } from './format.ts'
import type { KeyStore } from './keys.ts'
import type { Drafts, Issued, PaneConfig, Right, Session } from './model.ts'
import type { Navigation } from './route.ts'
import type { Text } from './text.ts'

/** What every part of the page uses. */
export interface Pane extends Text, Navigation {
  readonly config: PaneConfig
  readonly format: Format
  readonly session: Session
  readonly keys: KeyStore
  /** What forms keep while they are closed. */
  readonly drafts: Drafts
  /** The server's time in epoch milliseconds, as of the last refresh of the page. */
  readonly now: number
  /** A secret counts as idle after this many milliseconds without use. */
  readonly idleAfter: number
  can(right: Right): boolean
  /** Tells screen readers. */
  announce(message: string): void
  /** Opens the dialog that shows new secrets once. */
  show(issued: Issued): void
  /** Whether that dialog is open. */
  readonly isShowing: boolean
}

/** Passes the {@link Pane} down. */
export const PaneContext = createContext<Pane | undefined>(undefined)

/** The pane around this component. */
export function usePane(): Pane {
  const pane = useContext(PaneContext)
  if (pane === undefined) throw new TypeError('Render this inside PaneContext.')
  return pane
}
