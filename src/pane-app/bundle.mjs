import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const here = fileURLToPath(new URL('.', import.meta.url))

/** Bundles the page. Returns the texts of its script and its style sheet. Writes no file. */
export async function bundlePane() {
  const { outputFiles } = await build({
    absWorkingDir: here,
    entryPoints: { pane: 'main.tsx', style: 'pane.css' },
    outdir: 'out',
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    charset: 'utf8',
    logLevel: 'warning',
  })
  const text = (ending) => outputFiles.find((file) => file.path.endsWith(ending))?.text ?? ''
  return { js: text('pane.js'), css: text('style.css') }
}
