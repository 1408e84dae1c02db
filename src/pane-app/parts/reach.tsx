import { AXES, type AxisName, type Scope } from '../base/model.ts'
import { usePane } from '../base/pane.ts'
import type { Text } from '../base/text.ts'

/** One axis in words: its names, or "all tenants". */
function axisText(axis: AxisName, scope: Scope, { t }: Pick<Text, 't'>): string {
  const value = scope[axis]
  if (value === '*') return t(`all_${axis}`)
  return value.length === 0 ? t('nothing') : value.join(', ')
}

/** A scope in one line: "acme · test · customers.read". */
export function scopeText(scope: Scope, text: Pick<Text, 't'>): string {
  return AXES.map((axis) => axisText(axis, scope, text)).join(' · ')
}

function Chip({ axis, scope }: { axis: AxisName; scope: Scope }) {
  const pane = usePane()
  const value = scope[axis]
  const isShort = value === '*' || value.length < 2
  return (
    <li class="chip" title={`${pane.t(axis)}: ${axisText(axis, scope, pane)}`}>
      <span class="chip-name">{isShort ? axisText(axis, scope, pane) : value[0]}</span>
      {!isShort && <span class="chip-more">+{value.length - 1}</span>}
    </li>
  )
}

/** A scope as three chips, one for each axis. */
export function Reach({ scope }: { scope: Scope }) {
  return (
    <ul class="reach">
      {AXES.map((axis) => (
        <Chip axis={axis} scope={scope} />
      ))}
    </ul>
  )
}

/** A scope in full: each axis with its name. */
export function FullReach({ scope }: { scope: Scope }) {
  const pane = usePane()
  return (
    <>
      {AXES.map((axis) => (
        <>
          <dt>{pane.t(axis)}</dt>
          <dd>{axisText(axis, scope, pane)}</dd>
        </>
      ))}
    </>
  )
}
