import type { Format } from '../base/format.ts'
import {
  AXES,
  type AxisName,
  type HistoryEntry,
  type KeyLimit,
  type Scope,
  type ScopeValue,
} from '../base/model.ts'
import type { Text, TextKey } from '../base/text.ts'
import { limitText } from '../policies/limits.ts'

const SENTENCES: Readonly<Record<HistoryEntry['type'], TextKey>> = {
  'key.created': 'history_created',
  'key.imported': 'history_imported',
  'key.updated': 'history_updated',
  'key.enabled': 'history_enabled',
  'key.disabled': 'history_disabled',
  'key.rotated': 'history_rotated',
  'key.renewed': 'history_renewed',
  'key.secondary_ended': 'history_secondary_ended',
  'key.revoked': 'history_revoked',
  'key.deleted': 'history_deleted',
}

type Pair = readonly [unknown, unknown]

function slotNames({ slots = [] }: HistoryEntry, { t }: Text, format: Format): string {
  return format.names(slots.map((slot) => t(slot).toLocaleLowerCase()))
}

/** One sentence: who did what. */
export function historySentence(
  entry: HistoryEntry,
  me: string,
  text: Text,
  format: Format,
): string {
  const who = entry.actor === me ? text.t('you') : (entry.actor ?? text.t('someone'))
  if (entry.type === 'key.renewed' && entry.slots?.length === 2)
    return text.t('history_renewed_both', { who })
  const key = SENTENCES[entry.type] ?? 'history_updated'
  return text.t(key, { who, slots: slotNames(entry, text, format) })
}

function axisChange(
  axis: AxisName | 'networks',
  [from, to]: readonly [ScopeValue, ScopeValue],
  text: Text,
) {
  const name = text.t(axis)
  const names = (value: readonly string[]) => value.join(', ')
  if (to === '*') return [text.t('change_axis_all', { axis: name })]
  if (from === '*') return [text.t('change_axis_set', { axis: name, names: names(to) })]
  const added = to.filter((each) => !from.includes(each))
  const removed = from.filter((each) => !to.includes(each))
  return [
    ...(added.length > 0 ? [text.t('change_axis_added', { axis: name, names: names(added) })] : []),
    ...(removed.length > 0
      ? [text.t('change_axis_removed', { axis: name, names: names(removed) })]
      : []),
  ]
}

function scopeChanges([from, to]: Pair, text: Text): string[] {
  const [before, after] = [from as Scope, to as Scope]
  return AXES.flatMap((axis) =>
    JSON.stringify(before?.[axis]) === JSON.stringify(after?.[axis])
      ? []
      : axisChange(axis, [before?.[axis] ?? [], after?.[axis] ?? []], text),
  )
}

function limitsChange(limits: readonly KeyLimit[] | null, text: Text, format: Format): string {
  if (limits === null) return text.t('change_limits_api')
  if (limits.length === 0) return text.t('change_limits_none')
  const sentences = limits.map((limit) => limitText(limit, text, format))
  return text.t('change_limits', { limits: format.names(sentences) })
}

function networksChange([from, to]: Pair, text: Text): string[] {
  const value = (networks: unknown) => (networks ?? '*') as ScopeValue
  return axisChange('networks', [value(from), value(to)], text)
}

function changeOf(member: string, [from, to]: Pair, text: Text, format: Format): string[] {
  const day = (value: unknown) => (typeof value === 'number' ? format.day(value) : text.t('never'))
  switch (member) {
    case 'name':
      return [text.t('change_name', { from: String(from), to: String(to) })]
    case 'expiresAt':
      return [text.t('change_expiry', { from: day(from), to: day(to) })]
    case 'tokens':
      return [text.t(to === true ? 'change_tokens_on' : 'change_tokens_off')]
    case 'metadata':
      return [text.t('change_metadata')]
    case 'scope':
      return scopeChanges([from, to], text)
    case 'limits':
      return [limitsChange(to as KeyLimit[] | null, text, format)]
    case 'networks':
      return networksChange([from, to], text)
    default:
      return [text.t('change_other', { member })]
  }
}

/** What an entry changed, one line for each change. */
export function historyChanges(entry: HistoryEntry, text: Text, format: Format): string[] {
  return Object.entries(entry.changes ?? {}).flatMap(([member, pair]) =>
    changeOf(member, pair, text, format),
  )
}
