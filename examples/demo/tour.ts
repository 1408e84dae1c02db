import type { Twinkey } from 'twinkey'
import type { Narrator } from './narrator.ts'
import type { OAuthSample } from './oauth.ts'
import type { Pane } from './pane.ts'
import type { SampleKeys } from './sample-keys.ts'
import { tourAccess } from './tour-access.ts'
import { tourBoomiFlow } from './tour-boomi-flow.ts'
import { tourEnding } from './tour-ending.ts'
import { tourFlare } from './tour-flare.ts'
import { tourFlowgear } from './tour-flowgear.ts'
import { tourOAuth } from './tour-oauth.ts'
import { tourOwnKeys } from './tour-own-keys.ts'
import { tourPane } from './tour-pane.ts'
import { tourRotation } from './tour-rotation.ts'
import { tourTokens } from './tour-tokens.ts'
import type { Users } from './users.ts'

/** The input of each chapter of the tour. */
export interface TourParts {
  readonly samples: SampleKeys
  readonly narrator: Narrator
  readonly twinkey: Twinkey
  readonly users: Users
  readonly pane: Pane
  readonly oauth: OAuthSample
}

/** The key of the tour. */
export interface TourKey {
  readonly id: string
  readonly primary: string
  readonly secondary: string
}

/** Shows all chapters of the tour in order. Throws if an answer is not as expected. */
export async function runTour(parts: TourParts): Promise<void> {
  parts.narrator.chapter(
    'This tour creates, rotates and revokes a key. Commands to paste follow at the end',
  )
  const key = await tourAccess(parts)
  await tourTokens(parts, key)
  await tourOAuth(parts)
  const rotated = await tourRotation(parts, key)
  await tourEnding(parts, rotated)
  await tourOwnKeys(parts, rotated)
  await tourPane(parts)
  await tourBoomiFlow(parts)
  await tourFlare(parts)
  await tourFlowgear(parts)
}
