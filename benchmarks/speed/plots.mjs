// Draws the plots of docs/performance.md from the output of `npm run bench -- --json | tail -n 1`:
//   node benchmarks/speed/plots.mjs bench.json docs/plots
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const WIDTH = 760
const LABEL = 250
const BAR = 22
const GAP = 8
const TOP = 64

// Colours with contrast on white and on black. The plot has no background.
const STYLE = `text{font:13px system-ui,sans-serif;fill:#57606a}.title{font-size:15px;font-weight:600}.note{font-size:12px}
.ours{fill:#2f81f7}.other{fill:#8b949e}.span{stroke:#57606a;stroke-width:1.5}.goal{stroke:#d29922;stroke-width:1.5;stroke-dasharray:4 3}
@media(prefers-color-scheme:dark){text{fill:#adbac7}.span{stroke:#adbac7}}`

/** The plots by file name. A part without a measurement has none. */
export function plotsOf({ rows, date, machine }) {
  const from = `${date.slice(0, 10)}, Node ${machine.node}, ${machine.processors} x ${machine.processor}`
  const of = (part, group) =>
    rows.filter((row) => row.part === part && row.group === group && row.ratio !== undefined)
  const plots = {}
  for (const framework of ['fastify', 'express', 'hono']) {
    const members = of('http', framework)
    const title = `${framework}: requests a guarded route serves for each that the open one serves`
    if (members.length > 0)
      plots[`http-${framework}.svg`] = bars({ title, from, members, most: 1.1, goal: 1 })
  }
  const peers = of('core', 'peers')
  if (peers.length > 0) {
    const title = 'One verification among 10,000 keys: its time over that of Twinkey (logarithmic)'
    plots['core-peers.svg'] = bars({ title, from, members: peers, isLogarithmic: true, goal: 1 })
  }
  const growth = of('growth', 'Twinkey, decide')
  if (growth.length > 0) {
    const title = 'One verification: its time over that among 1,000 keys'
    plots['growth.svg'] = bars({
      title,
      from,
      members: [...growth, ...of('growth', 'by hand')],
      goal: 1,
    })
  }
  return plots
}

function bars({ title, from, members, most, isLogarithmic = false, goal }) {
  const largest = most ?? Math.max(...members.map(({ ratio }) => ratio.max))
  const least = Math.min(...members.map(({ ratio }) => ratio.min), 1)
  const room = WIDTH - LABEL - 80
  const place = isLogarithmic
    ? (value) => (room * Math.log(value / (least / 2))) / Math.log(largest / (least / 2))
    : (value) => (room * Math.min(value, largest)) / largest
  const height = TOP + members.length * (BAR + GAP) + 8
  const rows = members.map(({ name, ratio: { median, min, max } }, i) => {
    const y = TOP + i * (BAR + GAP)
    const middle = y + BAR / 2
    const x = (value) => (LABEL + place(value)).toFixed(1)
    return [
      `<text x="${LABEL - 8}" y="${middle + 4}" text-anchor="end">${escaped(name)}</text>`,
      `<rect class="${name.startsWith('Twinkey') ? 'ours' : 'other'}" x="${LABEL}" y="${y}" width="${place(median).toFixed(1)}" height="${BAR}" rx="2"/>`,
      `<line class="span" x1="${x(min)}" x2="${x(max)}" y1="${middle}" y2="${middle}"/>`,
      `<text x="${WIDTH - 72}" y="${middle + 4}">${median >= 100 ? Math.round(median).toLocaleString('en') : median.toPrecision(3)}</text>`,
    ].join('')
  })
  const at = (LABEL + place(goal)).toFixed(1)
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(title)}">
<style>${STYLE}</style>
<text class="title" x="8" y="22">${escaped(title)}</text>
<text class="note" x="8" y="42">Median of the rounds; the thin line is the least and the most. ${escaped(from)}</text>
${rows.join('\n')}
<line class="goal" x1="${at}" x2="${at}" y1="${TOP - 8}" y2="${height - 8}"/>
</svg>
`
}

function escaped(text) {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [source, folder] = process.argv.slice(2)
  if (folder === undefined)
    throw new Error('Usage: node benchmarks/speed/plots.mjs bench.json docs/plots')
  mkdirSync(folder, { recursive: true })
  for (const [name, svg] of Object.entries(plotsOf(JSON.parse(readFileSync(source, 'utf8')))))
    writeFileSync(join(folder, name), svg)
}
