import { usePane } from '../base/pane.ts'

/** A time relative to now, with the absolute time as its tooltip. */
export function Time({ at }: { at: number }) {
  const { format, now, t } = usePane()
  const relative = format.relative(at, now)
  return (
    <time dateTime={new Date(at).toISOString()} title={format.exact(at)}>
      {relative === 'now' ? t('just_now') : relative}
    </time>
  )
}

/** A day, with the time of day as its tooltip. */
export function Day({ at }: { at: number }) {
  const { format } = usePane()
  return (
    <time dateTime={new Date(at).toISOString()} title={format.exact(at)}>
      {format.day(at)}
    </time>
  )
}
