import { render } from 'preact'
import { App } from './app.tsx'
import { readConfig } from './base/config.ts'

const root = document.getElementById('pane')
if (root !== null) {
  render(
    <App config={readConfig(document)} language={document.documentElement.lang || 'en'} />,
    root,
  )
}
