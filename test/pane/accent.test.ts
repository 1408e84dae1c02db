import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type AccentColors, accentColors } from '../../src/endpoints/pane/accent.ts'
import { contrast, fromOklch, toOklch } from '../../src/endpoints/pane/color.ts'
import { createPane } from './pane-fixture.ts'

const colors = fc
  .integer({ min: 0, max: 0xffffff })
  .map((value) => `#${value.toString(16).padStart(6, '0')}`)

// Relative luminance and contrast ratio, as WCAG 2.2 defines them.
function ratio(one: string, other: string): number {
  const luminance = (color: string) => {
    const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
      const share = Number(`0x${color.slice(at, at + 2)}`) / 255
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const [first, second] = [luminance(one) + 0.05, luminance(other) + 0.05]
  return Math.max(first, second) / Math.min(first, second)
}

const hueDistance = (one: number, other: number) =>
  Math.abs(Math.atan2(Math.sin(one - other), Math.cos(one - other)))

describe('the accent colors of any color', () => {
  const SURFACES = {
    light: ['#ffffff', '#fbfcfe', '#f4f6f9'],
    dark: ['#10131a', '#171b23', '#1c2028'],
  }
  const check = (scheme: 'light' | 'dark', of: (colors: AccentColors) => [string, string][]) =>
    fc.assert(
      fc.property(colors, (color) => {
        for (const [one, other] of of(accentColors(color)[scheme]))
          expect(ratio(one, other)).toBeGreaterThanOrEqual(4.5)
      }),
      { numRuns: 2000 },
    )

  test.each(['light', 'dark'] as const)(
    'are readable on the surfaces, and text is readable on them: %s',
    (scheme) => {
      check(scheme, ({ accent, soft, onAccent }) => [
        ...[...SURFACES[scheme], soft].map((each): [string, string] => [accent, each]),
        [onAccent, accent],
      ])
    },
  )

  test('keep a color that is readable already', () => {
    expect(accentColors('#4f46e5').light.accent).toBe('#4f46e5')
    expect(accentColors('#ffd166').dark.accent).toBe('#ffd166')
  })

  test('keep the hue of a color that is not', () => {
    for (const color of ['#ffd166', '#00c2ff', '#ff4d4d', '#22c55e']) {
      const { hue } = toOklch(color)
      expect(accentColors(color).light.accent).not.toBe(color)
      expect(hueDistance(toOklch(accentColors(color).light.accent).hue, hue)).toBeLessThan(0.1)
    }
  })

  test('stand at the end of the style sheet, and are absent by default', async () => {
    const styleOf = async (accent?: string) => {
      const style = createPane({ accent }).routes.find(({ path }) => path.endsWith('.css'))
      return (
        (await style?.handle({} as never, async () => ({ bytes: new Uint8Array() })))?.body ?? ''
      )
    }
    const plain = await styleOf()
    expect((await styleOf('#4F46E5')).slice(plain.length)).toMatch(
      /^:root\{--tk-accent:light-dark\(#4f46e5,#\w{6}\);--tk-accent-soft:light-dark\(#\w{6},#\w{6}\);--tk-on-accent:light-dark\(#ffffff,#\w{6}\)\}$/,
    )
  })
})

describe('a color', () => {
  test('is the same after a conversion to Oklch and back', () => {
    fc.assert(
      fc.property(colors, (color) => {
        expect(fromOklch(toOklch(color))).toBe(color)
      }),
      { numRuns: 2000 },
    )
  })

  // CSS Color Module Level 4: the values of named colors in browsers.
  test.each([
    ['#ff0000', 0.628, 0.2577, 29.23],
    ['#0000ff', 0.452, 0.3132, 264.05],
    ['#008000', 0.5198, 0.1769, 142.5],
  ])('%s has the coordinates that browsers compute', (color, lightness, chroma, degrees) => {
    const found = toOklch(color)
    expect(found.lightness).toBeCloseTo(lightness, 3)
    expect(found.chroma).toBeCloseTo(chroma, 3)
    expect((found.hue * 180) / Math.PI + (found.hue < 0 ? 360 : 0)).toBeCloseTo(degrees, 1)
  })

  test('has a contrast of 21 in black on white, and of 1 to itself', () => {
    expect(contrast('#000000', '#ffffff')).toBeCloseTo(21)
    expect(contrast('#4f46e5', '#4f46e5')).toBe(1)
  })
})
