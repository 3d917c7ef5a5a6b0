/** For pages: a transport under another name, so that only those meet over it that know the name. */

/** The same object but for its name. */
export function renamed<Named extends { readonly name: string }>(
  named: Named,
  name: string,
): Named {
  return new Proxy(named, {
    get(target, key) {
      if (key === 'name') return name
      const value: unknown = Reflect.get(target, key, target)
      // What it keeps private is found on itself alone.
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}
