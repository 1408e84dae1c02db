import type { ApiKey } from '../base/model.ts'
import { usePane } from '../base/pane.ts'

const SHAPES: Readonly<Record<ApiKey['state'], string>> = {
  active: 'M5 1a4 4 0 1 0 0 8a4 4 0 1 0 0-8',
  disabled: 'M5 1.75a3.25 3.25 0 1 0 0 6.5a3.25 3.25 0 1 0 0-6.5',
  expired: 'M5 1a4 4 0 1 0 0 8z M5 1a4 4 0 0 1 0 8',
  revoked: 'M2 2l6 6M8 2l-6 6',
}

/** The state of a key, as a shape and a word. */
export function State({ of }: { of: ApiKey['state'] }) {
  const { t } = usePane()
  return (
    <span class={`state state-${of}`}>
      <svg viewBox="0 0 10 10" width="10" height="10" aria-hidden="true">
        <path d={SHAPES[of]} />
      </svg>
      {t(`state_${of}`)}
    </span>
  )
}
