import { useEffect, useState } from 'preact/hooks'
import type { ApiKey, Failure, Right } from '../base/model.ts'
import { usePane } from '../base/pane.ts'
import { type Route, type Screen, SHEETS } from '../base/route.ts'
import { Dialog } from '../parts/dialog.tsx'
import { Problem } from '../parts/problem.tsx'
import { Leak } from '../renew/leak.tsx'
import { Renew } from '../renew/renew.tsx'
import { Confirm } from './confirm.tsx'
import { Detail } from './detail.tsx'
import { Edit } from './edit.tsx'

// What a screen changes. A screen that the person may not use shows the key instead.
const RIGHTS: Readonly<Partial<Record<Screen, Right>>> = {
  edit: 'update',
  renew: 'renew',
  leak: 'renew',
  enable: 'enable',
  disable: 'disable',
  revoke: 'revoke',
  delete: 'delete',
}

type KeyRoute = Extract<Route, { at: 'key' }>

/** The key of a route. Reads it, even if the list has it: its last use may be newer. */
function useKey(id: string) {
  const { keys } = usePane()
  const [failure, setFailure] = useState<Failure>()
  const read = async () => {
    const answer = await keys.reload(id)
    setFailure(answer.ok ? undefined : answer.failure)
  }
  useEffect(() => void read(), [id])
  return { key: keys.get(id), failure, read }
}

function Content({ of: key, screen }: { of: ApiKey; screen: Screen }) {
  switch (screen) {
    case 'detail':
      return <Detail of={key} />
    case 'edit':
      return <Edit of={key} />
    case 'renew':
      return <Renew of={key} />
    case 'leak':
      return <Leak of={key} />
    default:
      return <Confirm key={screen} of={key} change={screen} />
  }
}

function KeyDialog({ id, screen }: { id: string; screen: Screen }) {
  const { t, back } = usePane()
  const { key, failure, read } = useKey(id)
  const name = key?.name ?? id
  return (
    <Dialog
      kind={SHEETS.includes(screen) ? 'sheet' : 'modal'}
      screen={key === undefined ? 'loading' : screen}
      row={id}
      title={t(`title_${screen}`, { name })}
      onClose={back}
    >
      {key === undefined && failure === undefined && (
        <p class="dialog-body muted late">{t('loading')}</p>
      )}
      {failure !== undefined && (
        <div class="dialog-body">
          <Problem failure={failure} onRetry={read} />
        </div>
      )}
      {key !== undefined && <Content of={key} screen={screen} />}
    </Dialog>
  )
}

/** The screens of one key. A small dialog that was opened from the sheet stands above it. */
export function KeyScreens({ route, below }: { route: KeyRoute; below: Route | undefined }) {
  const { can } = usePane()
  const { id } = route
  const right = RIGHTS[route.screen]
  const screen = right === undefined || can(right) ? route.screen : 'detail'
  const isSheet = SHEETS.includes(screen)
  const opener = below?.at === 'key' && below.id === id ? below.screen : undefined
  const sheet = isSheet ? screen : opener
  return (
    <>
      {sheet !== undefined && <KeyDialog key={`sheet ${id}`} id={id} screen={sheet} />}
      {!isSheet && <KeyDialog key={`modal ${id}`} id={id} screen={screen} />}
    </>
  )
}
