import { digestOf } from '../../core/secrets/digest.ts'
import type { WireAnswer } from '../../http/profile.ts'
import type { Endpoint } from '../endpoints.ts'
import { accentCss } from './accent.ts'

// The bundled page. The build puts it in: see plugins.mjs in the room of the page.
declare const PANE_SCRIPT: string
declare const PANE_STYLE: string

/** A file of the page, under a name that changes with its content. */
interface Asset {
  readonly name: string
  /** The value of an `integrity` attribute. */
  readonly integrity: string
  readonly endpoint: Endpoint
}

/** The script and the style sheet of the page. */
export interface Assets {
  readonly script: Asset
  readonly style: Asset
}

/** Creates the assets, with the style sheet for an accent color. */
export function createAssets(accent: string | undefined): Assets {
  const colors = accent === undefined ? '' : accentCss(accent)
  return {
    script: createAsset('js', 'text/javascript; charset=utf-8', PANE_SCRIPT),
    style: createAsset('css', 'text/css; charset=utf-8', PANE_STYLE + colors),
  }
}

function createAsset(ending: string, type: string, body: string): Asset {
  const digest = digestOf(body)
  const name = `pane.${digest.slice(0, 16)}.${ending}`
  const answer: WireAnswer = {
    status: 200,
    headers: { 'content-type': type, 'cache-control': 'public, max-age=31536000, immutable' },
    body,
  }
  return {
    name,
    integrity: `sha256-${digest.replaceAll('-', '+').replaceAll('_', '/')}=`,
    endpoint: { method: 'GET', path: `/${name}`, handle: async () => answer },
  }
}
