import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { debianFiles } from '../../test/support/debian.ts'

const FONT = 'usr/share/fonts/truetype/jetbrains-mono'
const PROMPT = '<span class="prompt">$</span>'
// The codes of the command line: bold, dim, red, green, yellow.
const CLASSES: Readonly<Record<string, string>> = {
  1: 'bold',
  2: 'dim',
  31: 'red',
  32: 'green',
  33: 'yellow',
}
const STYLE = `
body { margin: 0; }
.window { display: inline-block; margin: 24px; border-radius: 10px; background: #16181d;
  box-shadow: 0 0 0 1px #0003, 0 8px 20px #0004; }
.bar { display: flex; gap: 8px; padding: 13px 16px 5px; }
.bar i { width: 12px; height: 12px; border-radius: 50%; background: #3a3f4a; }
pre { margin: 0; padding: 10px 22px 22px; color: #d7dae0; font: 15px/1.5 Terminal, monospace;
  font-variant-ligatures: none; }
.prompt { color: #7f8797; }
.bold { font-weight: 700; color: #fff; }
.dim { color: #8d95a5; }
.red { color: #ff7b80; }
.green { color: #7fd88f; }
.yellow { color: #f2c56b; }
`

/** An HTML page with a window of a terminal, in which a command has run. */
export async function terminalWindow(command: string, output: string): Promise<string> {
  const folder = join(await debianFiles('fonts-jetbrains-mono'), FONT)
  const face = (weight: string, file: string) =>
    `@font-face { font-family: Terminal; font-weight: ${weight}; src: url(data:font/ttf;base64,${readFileSync(join(folder, file)).toString('base64')}) }`
  return `<!doctype html><meta charset="utf-8"><style>
${face('400', 'JetBrainsMono-Regular.ttf')}
${face('700', 'JetBrainsMono-Bold.ttf')}
${STYLE}</style>
<div class="window"><div class="bar"><i></i><i></i><i></i></div><pre>${PROMPT} ${escaped(command)}
${htmlOf(output.trimEnd())}
${PROMPT}</pre></div>`
}

/** The HTML of an output with colours. Throws for a code that the command line does not use. */
export function htmlOf(output: string): string {
  const [start = '', ...parts] = output.split('\u001b[')
  const html = parts.map((part) => {
    const [, code = '', text = ''] = /^(\d+)m(.*)$/s.exec(part) ?? []
    if (code === '22' || code === '39') return `</span>${escaped(text)}`
    if (CLASSES[code] === undefined) throw new Error(`The output has the unknown code ${code}.`)
    return `<span class="${CLASSES[code]}">${escaped(text)}`
  })
  return escaped(start) + html.join('')
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
