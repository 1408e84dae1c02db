import type { Popularity } from './capacity-model.ts'

/** All keys are equally popular. */
export function uniform(keys: number): Popularity {
  return {
    keys,
    share: () => 1 / keys,
    draw: (random) => 1 + Math.floor(random() * keys),
    sum: (f) => keys * f(1 / keys),
  }
}

// The number of terms that are added exactly. The rest, whose neighbours hardly differ, is an
// integral.
const EXACT = 20_000
const PANELS = 2000

/** The popularity of the key of rank n is proportional to 1 / n, as is common for human choices. */
export function zipf(keys: number): Popularity {
  const over = (f: (rank: number) => number): number => {
    let total = 0
    for (let rank = 1; rank <= Math.min(keys, EXACT); rank++) total += f(rank)
    if (keys <= EXACT) return total
    // Simpson's rule over the logarithm of the rank.
    const [from, to] = [Math.log(EXACT + 0.5), Math.log(keys + 0.5)]
    const step = (to - from) / PANELS
    for (let i = 0; i <= PANELS; i++) {
      const rank = Math.exp(from + i * step)
      const weight = i === 0 || i === PANELS ? 1 : i % 2 === 1 ? 4 : 2
      total += (weight * step * rank * f(rank)) / 3
    }
    return total
  }
  const harmonic = over((rank) => 1 / rank)
  const share = (rank: number) => 1 / (rank * harmonic)
  const draw = drawer(keys)
  return { keys, share, draw, sum: (f) => over((rank) => f(share(rank))) }
}

/**
 * @see W. Hörmann, G. Derflinger: Rejection-inversion to generate variates from monotone discrete
 * distributions (1996)
 */
function drawer(keys: number): (random: () => number) => number {
  const first = Math.log(1.5) - 1
  const last = Math.log(keys + 0.5)
  const sure = 2 - Math.exp(Math.log(2.5) - 1 / 2)
  return (random) => {
    for (;;) {
      const u = last + random() * (first - last)
      const x = Math.exp(u)
      const rank = Math.min(keys, Math.max(1, Math.floor(x + 0.5)))
      if (rank - x <= sure || u >= Math.log(rank + 0.5) - 1 / rank) return rank
    }
  }
}
