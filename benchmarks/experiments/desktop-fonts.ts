import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { debianFiles } from '../../test/support/debian.ts'

/**
 * Returns a configuration of fontconfig for pictures. The pages use the font of the system. A server has none that a desktop would use, so the pictures
 * use Inter, which is close to those of macOS and GNOME.
 */
export async function desktopFonts(): Promise<string> {
  const root = await debianFiles('fonts-inter')
  const file = join(root, 'fonts.conf')
  const alias = (family: string) =>
    `<match target="pattern"><test name="family"><string>${family}</string></test><edit name="family" mode="assign" binding="strong"><string>Inter</string></edit></match>`
  const folders = [join(root, 'usr/share/fonts'), '/usr/share/fonts']
  writeFileSync(
    file,
    `<fontconfig>${folders.map((each) => `<dir>${each}</dir>`).join('')}<cachedir>${join(root, 'cache')}</cachedir>${['system-ui', 'sans', 'sans-serif'].map(alias).join('')}</fontconfig>`,
  )
  return file
}
