import { render } from 'preact'
import { STRINGS } from './strings.ts'

const root = document.getElementById('pane')
const config = JSON.parse(
  document.querySelector<HTMLMetaElement>('meta[name=twinkey]')?.content ?? '{}',
)
const answer = await fetch('./api/session', { headers: { 'X-Twinkey': '1' }, redirect: 'manual' })
if (root)
  render(
    <main>
      <h1>{config.title}</h1>
      <p>{answer.status === 200 ? STRINGS.nothing : answer.status}</p>
      <button type="button">Create key</button>
    </main>,
    root,
  )
