import { useEffect, useId, useRef, useState } from 'preact/hooks'

/** One entry of a menu. */
export interface MenuItem {
  readonly label: string
  readonly onSelect: () => void
}

// Roughly: it only decides whether the menu opens upwards.
const ITEM_HEIGHT = 48

function moveFocus(menu: HTMLElement, key: string) {
  const items = [...menu.querySelectorAll<HTMLElement>('[role="menuitem"]')]
  const at = items.indexOf(document.activeElement as HTMLElement)
  const next =
    key === 'Home' ? 0 : key === 'End' ? items.length - 1 : at + (key === 'ArrowDown' ? 1 : -1)
  items[(next + items.length) % items.length]?.focus()
}

/** Closes on a press outside. */
function useOutside(isOpen: boolean, close: () => void) {
  const ref = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (!isOpen) return undefined
    ref.current?.querySelector<HTMLElement>('[role="menuitem"]')?.focus()
    const outside = ({ target }: Event) => {
      if (!ref.current?.contains(target as Node)) close()
    }
    addEventListener('pointerdown', outside)
    return () => removeEventListener('pointerdown', outside)
  }, [isOpen])
  return ref
}

/** A button that opens a menu. */
export function Menu({ label, items }: { label: string; items: readonly MenuItem[] }) {
  const [isOpen, setOpen] = useState(false)
  const id = useId()
  const button = useRef<HTMLButtonElement>(null)
  const ref = useOutside(isOpen, () => setOpen(false))
  const [isUp, setUp] = useState(false)
  const toggle = (event: MouseEvent) => {
    const { bottom } = (event.currentTarget as Element).getBoundingClientRect()
    setUp(bottom + items.length * ITEM_HEIGHT > innerHeight && bottom > innerHeight / 2)
    setOpen(!isOpen)
  }
  const close = () => {
    setOpen(false)
    button.current?.focus()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Tab') return setOpen(false)
    if (!isOpen || !['Escape', 'ArrowDown', 'ArrowUp', 'Home', 'End'].includes(event.key)) return
    event.preventDefault()
    if (event.key === 'Escape') close()
    else if (ref.current !== null) moveFocus(ref.current, event.key)
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the keys belong to the menu inside
    <div class="menu" ref={ref} onKeyDown={onKeyDown}>
      <button
        ref={button}
        type="button"
        class="icon"
        aria-label={label}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        aria-controls={isOpen ? id : undefined}
        onClick={toggle}
      >
        <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" class="dots">
          <path d="M3 8h.01M8 8h.01M13 8h.01" />
        </svg>
      </button>
      {isOpen && (
        <div
          class={isUp ? 'menu-list menu-up' : 'menu-list'}
          role="menu"
          id={id}
          aria-label={label}
        >
          {items.map((item) => (
            <button
              type="button"
              role="menuitem"
              tabIndex={-1}
              onClick={() => {
                close()
                item.onSelect()
              }}
            >
              {item.label}
            </button>
          ))}
        </div>
      )}
    </div>
  )
}
