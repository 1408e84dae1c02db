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

/** Puts it into the source that tests import. */
export const paneForVite = {
  name: 'pane-app',
  async transform(code, id) {
    if (!id.endsWith('/src/endpoints/pane/assets.ts')) return undefined
    const values = await constants()
    const declared = Object.entries(values).map(([name, text]) => `const ${name} = ${text};`)
    return { code: declared.join('') + code, map: null }
  },
}
