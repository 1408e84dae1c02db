import { useRef, useState } from 'preact/hooks'
import { usePane } from '../base/pane.ts'
import { Copy, isSelected } from '../parts/copy.tsx'
import { curlLine, envLines, headerLine, type Shown } from './lines.ts'

const TABS = ['curl', 'env', 'header'] as const

type Tab = (typeof TABS)[number]

const STEPS: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowRight: 1 }

function TabList({ tab, onTab }: { tab: Tab; onTab: (tab: Tab) => void }) {
  const { t } = usePane()
  const move = (event: KeyboardEvent) => {
    const step = STEPS[event.key]
    if (step === undefined) return
    const next = TABS[(TABS.indexOf(tab) + step + TABS.length) % TABS.length] ?? tab
    onTab(next)
    document.getElementById(`tab-${next}`)?.focus()
  }
  return (
    <div class="tabs" role="tablist" aria-label={t('use_it')} onKeyDown={move}>
      {TABS.map((each) => (
        <button
          type="button"
          role="tab"
          id={`tab-${each}`}
          aria-selected={tab === each}
          aria-controls="tab-panel"
          tabIndex={tab === each ? 0 : -1}
          onClick={() => onTab(each)}
        >
          {t(`tab_${each}`)}
        </button>
      ))}
    </div>
  )
}

/** How to use a new secret: a test command, lines for `.env`, the header. */
export function Uses({ shown, onAllCopied }: { shown: readonly Shown[]; onAllCopied: () => void }) {
  const { t, config } = usePane()
  const [tab, setTab] = useState<Tab>('curl')
  const code = useRef<HTMLElement>(null)
  const secret = shown[0]?.secret ?? ''
  const text = {
    curl: () => curlLine(config.test, location.origin, secret),
    env: () => envLines(shown, t('env_name')),
    header: () => headerLine(config.test, secret),
  }[tab]()
  return (
    <section class="uses">
      <TabList tab={tab} onTab={setTab} />
      <div role="tabpanel" id="tab-panel" aria-labelledby={`tab-${tab}`}>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: people select it with the keyboard */}
        <pre tabIndex={0} data-1p-ignore="" data-lpignore="true">
          <code ref={code} onCopy={() => tab === 'env' && isSelected(text) && onAllCopied()}>
            {text}
          </code>
        </pre>
        <Copy
          key={tab}
          text={text}
          label={t(`tab_${tab}`)}
          shown={() => code.current}
          {...(tab === 'env' && { onCopied: onAllCopied })}
        />
      </div>
    </section>
  )
}
