import { JSX, ReflectionKind } from 'typedoc'
import { summaryOf, titleOfGroup } from './layout.mjs'

const h = JSX.createElement
// These groups contain no guides.
const NO_GUIDES = ['Modules', 'Design', 'Project']

/** The page of docs/theme/index.md, and below it all guides, by task. */
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
  return summaries(
    context,
    model.children.filter((each) => each.kindOf(ReflectionKind.Module)),
  )
}

// Functions come before the types that they use.
const KINDS = [
  ['Functions', ReflectionKind.Function],
  ['Classes', ReflectionKind.Class],
  ['Variables', ReflectionKind.Variable],
  ['Interfaces', ReflectionKind.Interface],
  ['Types', ReflectionKind.TypeAlias],
  ['Exported again', ReflectionKind.Reference],
]

/** The description of a module, and its exports. */
export function modulePage(context, { model }) {
  return h(
    JSX.Fragment,
    null,
    context.commentSummary(model),
    context.commentTags(model),
    ...KINDS.flatMap(([title, kind]) => {
      const exported = (model.children ?? []).filter((each) => each.kindOf(kind))
      return exported.length === 0 ? [] : [h('h2', null, title), summaries(context, exported)]
    }),
  )
}

function summaries(context, reflections) {
  return h(
    'dl',
    { class: 'modules' },
    ...reflections.flatMap((each) => {
      const target = each.getTargetReflectionDeep?.() ?? each
      return [
        h('dt', null, h('a', { href: context.urlTo(target) }, each.name)),
        h('dd', null, summaryOf(target)),
      ]
    }),
  )
}

/** The members of a class or an interface, by kind. */
export function members(context, model) {
  return h(
    JSX.Fragment,
    null,
    ...(model.groups ?? []).flatMap(({ title, children }) => {
      const here = children.filter((child) => !context.router.hasOwnDocument(child))
      if (here.length === 0) return []
      context.page.startNewSection(title)
      return [
        h('h2', { id: context.slugger.slug(title) }, title),
        ...here.map((child) => context.member(child)),
      ]
    }),
  )
}
