import { contrast, fromOklch, type Oklch, toOklch } from './color.ts'

/** The accent colors of one color scheme, as `#rrggbb`. */
export interface AccentColors {
  /** For text on the surfaces and on `soft`, and for the background of the main button. */
  readonly accent: string
  /** A background. */
  readonly soft: string
  /** For text on `accent`. */
  readonly onAccent: string
}

// WCAG 2.2, success criterion 1.4.3.
const MIN_CONTRAST = 4.5
const STEP = 0.005

// The backgrounds of pane.css on which the accent stands: --tk-surface, -raised and -hover.
const LIGHT_SURFACES = ['#fbfcfe', '#ffffff', '#f4f6f9']
const DARK_SURFACES = ['#10131a', '#171b23', '#1c2028']

/**
 * Derives the accent colors of both color schemes from one color. Keeps its hue, and changes its
 * lightness only as far as text needs a contrast of 4.5:1.
 *
 * @param color Any color, as `#rrggbb`.
 */
export function accentColors(color: string): { light: AccentColors; dark: AccentColors } {
  const given = toOklch(color)
  const tinted = (lightness: number, maxChroma: number) =>
    fromOklch({ ...given, lightness, chroma: Math.min(given.chroma, maxChroma) })
  const softLight = tinted(0.955, 0.022)
  const softDark = tinted(0.29, 0.055)
  return {
    light: {
      accent: readable(given, -STEP, [...LIGHT_SURFACES, softLight]),
      soft: softLight,
      onAccent: '#ffffff',
    },
    dark: {
      accent: readable(given, STEP, [...DARK_SURFACES, softDark]),
      soft: softDark,
      onAccent: tinted(0.18, 0.03),
    },
  }
}

/** The CSS of an accent color, for the end of the style sheet. */
export function accentCss(color: string): string {
  const { light, dark } = accentColors(color)
  const both = (name: keyof AccentColors) => `light-dark(${light[name]},${dark[name]})`
  return `:root{--tk-accent:${both('accent')};--tk-accent-soft:${both('soft')};--tk-on-accent:${both('onAccent')}}`
}

// Black and white, at the ends, are readable on all light or all dark backgrounds.
function readable(color: Oklch, step: number, backgrounds: readonly string[]): string {
  for (let lightness = color.lightness; lightness > 0 && lightness < 1; lightness += step) {
    const found = fromOklch({ ...color, lightness })
    if (backgrounds.every((each) => contrast(found, each) >= MIN_CONTRAST)) return found
  }
  return step < 0 ? '#000000' : '#ffffff'
}
