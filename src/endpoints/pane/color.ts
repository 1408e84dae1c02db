/** A color in polar Oklab coordinates. */
export interface Oklch {
  /** From 0, black, to 1, white. */
  readonly lightness: number
  readonly chroma: number
  /** In radians. */
  readonly hue: number
}

type Triple = readonly [number, number, number]
type Matrix = readonly [Triple, Triple, Triple]

// CSS Color Module Level 4, section 18: sample code for color conversions.
const TO_LMS: Matrix = [
  [0.4122214708, 0.5363325363, 0.0514459929],
  [0.2119034982, 0.6806995451, 0.1073969566],
  [0.0883024619, 0.2817188376, 0.6299787005],
]
const TO_LAB: Matrix = [
  [0.2104542553, 0.793617785, -0.0040720468],
  [1.9779984951, -2.428592205, 0.4505937099],
  [0.0259040371, 0.7827717662, -0.808675766],
]
const FROM_LAB: Matrix = [
  [1, 0.3963377774, 0.2158037573],
  [1, -0.1055613458, -0.0638541728],
  [1, -0.0894841775, -1.291485548],
]
const FROM_LMS: Matrix = [
  [4.0767416621, -3.3077115913, 0.2309699292],
  [-1.2684380046, 2.6097574011, -0.3413193965],
  [-0.0041960863, -0.7034186147, 1.707614701],
]

/** Converts `#rrggbb`. */
export function toOklch(color: string): Oklch {
  const lms = times(TO_LMS, linearOf(color)).map(Math.cbrt) as unknown as Triple
  const [lightness, a, b] = times(TO_LAB, lms)
  return { lightness, chroma: Math.hypot(a, b), hue: Math.atan2(b, a) }
}

/** Converts to `#rrggbb`. Reduces the chroma of a color that sRGB does not have. */
export function fromOklch({ lightness, chroma, hue }: Oklch): string {
  for (let reduced = chroma; ; reduced = Math.max(0, reduced - 0.002)) {
    const lab = [lightness, reduced * Math.cos(hue), reduced * Math.sin(hue)] as const
    const lms = times(FROM_LAB, lab).map((each) => each ** 3) as unknown as Triple
    const linear = times(FROM_LMS, lms)
    if (reduced === 0 || linear.every((each) => each > -0.0005 && each < 1.0005))
      return `#${linear.map(hexOf).join('')}`
  }
}

/**
 * The contrast of two colors, from 1 to 21.
 *
 * @see WCAG 2.2, definition of contrast ratio
 */
export function contrast(one: string, other: string): number {
  const [low = 0, high = 0] = [luminanceOf(one), luminanceOf(other)].sort((a, b) => a - b)
  return (high + 0.05) / (low + 0.05)
}

function luminanceOf(color: string): number {
  const [red, green, blue] = linearOf(color)
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function linearOf(color: string): Triple {
  return [1, 3, 5].map((at) => {
    const value = Number.parseInt(color.slice(at, at + 2), 16) / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  }) as unknown as Triple
}

function hexOf(linear: number): string {
  const value = linear <= 0.0031308 ? linear * 12.92 : 1.055 * linear ** (1 / 2.4) - 0.055
  const byte = Math.round(255 * Math.min(1, Math.max(0, value)))
  return byte.toString(16).padStart(2, '0')
}

function times(matrix: Matrix, [x, y, z]: Triple): Triple {
  return matrix.map(([a, b, c]) => a * x + b * y + c * z) as unknown as Triple
}
