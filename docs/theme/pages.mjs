import { JSX, ReflectionKind } from 'typedoc'
import { summaryOf, titleOfGroup } from './layout.mjs'

const h = JSX.createElement
// What is no answer to the question of a task.
const NO_GUIDES = ['Modules', 'Design', 'Project']

/** The page of docs/theme/index.md, and below it every guide by its task. */
export function startPage(context, { model }) {
  const groups = model.groups.filter(({ title }) => !NO_GUIDES.includes(title))
  return h(
    JSX.Fragment,
    null,
    h('div', { class: 'prose' }, h(JSX.Raw, { html: context.markdown(model.readme ?? []) })),
    h(
      'section',
      { class: 'guides', 'aria-labelledby': 'guides' },
      h('h2', { id: 'guides' }, 'Guides'),
      h(
        'div',
        { class: 'tasks' },
        ...groups.map((group) =>
          h(
            'div',
            null,
            h('h3', null, titleOfGroup(group)),
            h(
              'ul',
              null,
              ...group.children.map((each) =>
                h('li', null, h('a', { href: context.urlTo(each) }, each.name)),
              ),
            ),
          ),
        ),
      ),
    ),
  )
}

/** The list of all modules. */
export function apiPage(context, { model }) {
  const modules = model.children.filter((each) => each.kindOf(ReflectionKind.Module))
  return h(
    'dl',
    { class: 'modules' },
    ...modules.flatMap((each) => [
      h('dt', null, h('a', { href: context.urlTo(each) }, each.name)),
      h('dd', null, summaryOf(each)),
    ]),
  )
}
