/** How this device is called in the mesh, and the colour of its cursor. Kept between visits. */

export interface Device {
  readonly name: string
  /** CSS colour, readable on light and dark paper. */
  readonly color: string
}

const storageKey = 'fieldmesh-demo-device'
const adjectives = ['Amber', 'Blue', 'Copper', 'Green', 'Ivory', 'Quiet', 'Rosy', 'Silver']
const nouns = ['Finch', 'Heron', 'Kettle', 'Lark', 'Otter', 'Pepper', 'Saucer', 'Wren']
const colors = [
  '#c2410c',
  '#0f766e',
  '#7c3aed',
  '#b91c1c',
  '#1d4ed8',
  '#a16207',
  '#be185d',
  '#15803d',
]

/** The device's name and colour; drawn on the first visit, or taken from `?name=`. */
export function thisDevice(): Device {
  const asked = new URLSearchParams(location.search).get('name')?.slice(0, 40)
  const kept = localStorage.getItem(storageKey)
  const device = kept === null ? drawDevice() : (JSON.parse(kept) as Device)
  const named = asked ? { ...device, name: asked } : device
  localStorage.setItem(storageKey, JSON.stringify(named))
  return named
}

function drawDevice(): Device {
  return { name: `${pick(adjectives)} ${pick(nouns)}`, color: pick(colors) }
}

function pick(items: readonly string[]): string {
  return items[Math.floor(Math.random() * items.length)]!
}
