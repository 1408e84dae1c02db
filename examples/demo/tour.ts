import type { Twinkey } from 'twinkey'
import type { Narrator } from './narrator.ts'
import type { SampleKeys } from './sample-keys.ts'
import { tourAccess } from './tour-access.ts'
import { tourBoomiFlow } from './tour-boomi-flow.ts'
import { tourEnding } from './tour-ending.ts'
import { tourFlare } from './tour-flare.ts'
import { tourFlowgear } from './tour-flowgear.ts'
import { tourRotation } from './tour-rotation.ts'
import { tourTokens } from './tour-tokens.ts'
import type { Users } from './users.ts'

/** What the tour is given. */
export interface TourParts {
  readonly samples: SampleKeys
  readonly narrator: Narrator
  readonly twinkey: Twinkey
  readonly users: Users
}

/** The key that the tour is about. */
export interface TourKey {
  readonly id: string
  readonly primary: string
  readonly secondary: string
}

/**
 * Shows everything, in the order in which one would meet it. Throws where anything is not as told.
 */
export async function runTour(parts: TourParts): Promise<void> {
  parts.narrator.chapter(
    'This is a tour: its key is rotated and revoked on the way. Lines to paste come at the end',
  )
  const key = await tourAccess(parts)
  await tourTokens(parts, key)
  const rotated = await tourRotation(parts, key)
  await tourEnding(parts, rotated)
  await tourBoomiFlow(parts)
  await tourFlare(parts)
  await tourFlowgear(parts)
}
