import { bundlePane } from './bundle.mjs'

// Constants instead of a module: a module would be in the source map of the package, with all of
// its text.
const constants = async () => {
  const { js, css } = await bundlePane()
  return { PANE_SCRIPT: JSON.stringify(js), PANE_STYLE: JSON.stringify(css) }
}

/** Puts the bundled page into the build of the package. */
export const paneForEsbuild = {
  name: 'pane-app',
  async setup({ initialOptions }) {
    initialOptions.define = { ...initialOptions.define, ...(await constants()) }
  },
}

const isAssets = (id) => id.endsWith('/src/endpoints/pane/assets.ts')

/** Puts it into the source that tests import. */
export const paneForVite = {
  name: 'pane-app',
  // Vitest keeps transformed files by their own content, which does not change with the page.
  configureVitest({ defineCacheKeyGenerator }) {
    defineCacheKeyGenerator(({ id }) => (isAssets(id) ? false : undefined))
  },
  async transform(code, id) {
    if (!isAssets(id)) return undefined
    const values = await constants()
    const declared = Object.entries(values).map(([name, text]) => `const ${name} = ${text};`)
    return { code: declared.join('') + code, map: null }
  },
}
