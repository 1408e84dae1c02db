import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { api } from './base/api.ts'
import { createFormat } from './base/format.ts'
import { useKeys } from './base/keys.ts'
import type { Drafts, Failure, Issued, PaneConfig, Session } from './base/model.ts'
import { type Pane, PaneContext } from './base/pane.ts'
import { useNavigation } from './base/route.ts'
import { createText } from './base/text.ts'
import { Create } from './create/create.tsx'
import { KeyScreens } from './key/key-screen.tsx'
import { List, Skeleton } from './list/list.tsx'
import { Once } from './once/once.tsx'
import { Dialog } from './parts/dialog.tsx'
import { Problem } from './parts/problem.tsx'
import { idleTime } from './renew/idle.ts'

const REFRESH_MS = 15_000

// The caller is not known yet, so nothing is allowed.
const NOBODY: Session = {
  actor: '',
  owner: '',
  tenants: null,
  grantable: { tenants: [], environments: [], workflows: [] },
  environments: [],
  can: [],
  policy: {},
  defaultLimits: [],
  hasLimiter: false,
  now: 0,
}

/** The server's time. Renders again now and then, so that relative times stay true. */
function useClock() {
  const offset = useRef(0)
  const [, tick] = useState(0)
  useEffect(() => {
    const timer = setInterval(() => tick((count) => count + 1), REFRESH_MS)
    return () => clearInterval(timer)
  }, [])
  return {
    now: () => Date.now() + offset.current,
    set(serverNow: number) {
      offset.current = serverNow - Date.now()
    },
  }
}

function useSession(setClock: (serverNow: number) => void) {
  const [session, setSession] = useState<Session>()
  const [failure, setFailure] = useState<Failure>()
  const read = async () => {
    const answer = await api.session()
    setFailure(answer.ok ? undefined : answer.failure)
    if (!answer.ok) return
    setClock(answer.value.now)
    setSession(answer.value)
  }
  useEffect(() => void read(), [])
  return { session, failure, read }
}

/** Text for screen readers. Each message is a new node, so that a repeated one is read too. */
function useLive() {
  const [message, setMessage] = useState({ text: '', count: 0 })
  return {
    announce: (text: string) => setMessage(({ count }) => ({ text, count: count + 1 })),
    region: (
      <div class="hidden" aria-live="polite">
        <span key={message.count}>{message.text}</span>
      </div>
    ),
  }
}

function Screens({ pane }: { pane: Pane }) {
  const { route, below, back, t, can } = pane
  if (route.at === 'create' && can('create'))
    return (
      <Dialog kind="sheet" screen="create" title={t('new_key')} onClose={back}>
        <Create />
      </Dialog>
    )
  return route.at === 'key' ? <KeyScreens route={route} below={below} /> : null
}

/** The page: the list, above it the screen of the address, above that the new secrets. */
export function App({ config, language }: { config: PaneConfig; language: string }) {
  const text = useMemo(() => createText(config.strings, language), [])
  const format = useMemo(() => createFormat(language), [])
  const clock = useClock()
  const { session, failure, read } = useSession(clock.set)
  const keys = useKeys(clock.now)
  const drafts = useRef<Drafts>(new Map())
  const navigation = useNavigation()
  const live = useLive()
  const [issued, setIssued] = useState<Issued>()
  const pane: Pane = {
    ...text,
    ...navigation,
    config,
    format,
    keys,
    drafts: drafts.current,
    session: session ?? NOBODY,
    now: clock.now(),
    idleAfter: idleTime(config.idleAfterSeconds),
    can: (right) => session?.can.includes(right) ?? false,
    announce: live.announce,
    show: setIssued,
    isShowing: issued !== undefined,
  }
  return (
    <PaneContext.Provider value={pane}>
      <main class="page">
        {session !== undefined && <List />}
        {session === undefined && (
          <>
            <h1>{config.title}</h1>
            {failure === undefined && <Skeleton />}
            <Problem failure={failure} onRetry={read} />
          </>
        )}
      </main>
      {session !== undefined && <Screens pane={pane} />}
      {issued !== undefined && <Once issued={issued} onDone={() => setIssued(undefined)} />}
      {live.region}
    </PaneContext.Provider>
  )
}
