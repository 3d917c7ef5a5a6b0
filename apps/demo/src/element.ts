/** Making DOM elements: the whole view layer of this page. */

type Child = Node | string | false

interface Attributes {
  readonly class?: string
  readonly [name: string]: string | boolean | EventListener | undefined
}

/** An element with attributes (`on…` functions are listeners; `false` leaves one out) and children. */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === 'function') made.addEventListener(key.slice(2), value)
    else if (value === true) made.setAttribute(key, '')
    else if (typeof value === 'string') made.setAttribute(key, value)
  }
  made.append(...children.filter((child) => child !== false))
  return made
}
