import { bundlePane } from './bundle.mjs'

const NAME = '#pane-app'

const moduleText = async () => {
  const { js, css } = await bundlePane()
  return `export const js = ${JSON.stringify(js)}\nexport const css = ${JSON.stringify(css)}\n`
}

/** Lets the build of the package import the bundled page as `#pane-app`. */
export const paneForEsbuild = {
  name: 'pane-app',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^#pane-app$/ }, () => ({ path: NAME, namespace: 'pane-app' }))
    onLoad({ filter: /.*/, namespace: 'pane-app' }, async () => ({ contents: await moduleText() }))
  },
}

/** The same for tests, which import the source of the package. */
export const paneForVite = {
  name: 'pane-app',
  enforce: 'pre',
  resolveId: (source) => (source === NAME ? `\0${NAME}` : undefined),
  load: (id) => (id === `\0${NAME}` ? moduleText() : undefined),
}
