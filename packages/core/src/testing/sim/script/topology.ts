/** Who is there and who dials whom over what, drawn from a seed. */

import {
  mayTakeLess,
  profileOf,
  type Delivery,
  type ProfileName,
  type ProfileSpec,
} from '../network/profiles.ts'
import { passedBytesMin } from '../faults/pipe-faults.ts'
import type { Dice } from '../world/dice.ts'
import type { ScriptedDial, ScriptedPeer } from './script.ts'

const wires: readonly ProfileName[] = [
  'wifi',
  'wifi',
  'wifiCrowded',
  'wifiLossy',
  'wan',
  'relay',
  'bluetooth',
]
const radios: readonly ProfileName[] = ['bluetooth', 'bluetooth', 'bluetoothNarrow']

const deliveries: readonly Delivery[] = ['loose', 'loose', 'unordered', 'lossy']

/** The least that every GATT stack takes. */
const gattBytesMin = 20

/** Sizes of meshes: most are small, where runs are cheap and much meets at few peers. */
const sizes = [2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 8]

type Shape = 'star' | 'chain' | 'ring' | 'clique' | 'two-hubs'
const shapes: readonly Shape[] = ['star', 'star', 'chain', 'ring', 'clique', 'two-hubs']

export function drawPeers(dice: Dice, faultyMs: number): readonly ScriptedPeer[] {
  const count = dice.pick(sizes)
  const names = Array.from({ length: count }, (_, index) => `p${index + 1}`)
  const shape = dice.pick(shapes)
  // Few kinds of pipe in one mesh, now and then one.
  const palette = Array.from({ length: dice.integer(1, 3) }, () => dice.pick(wires))
  const directProbability = dice.pick([0, 0.5, 1])
  const radioProbability = dice.pick([0, 0, 0.4, 1])
  const postProbability = dice.pick([0, 0.5, 1])
  const narrowProbability = dice.pick([0, 0, 0.5])
  const lateProbability = dice.pick([0, 0.2])
  const narrowed = (profile: ProfileSpec): ProfileSpec =>
    dice.chance(narrowProbability) ? narrowBy(dice, profile) : profile
  return names.map((name, index) => {
    const first = neighboursOf(shape, index, count).map((other): ScriptedDial => {
      const profile = { name: dice.pick(palette) }
      const to = names[other]!
      if (!dice.chance(postProbability)) {
        return { transport: 'wire', to, profile: narrowed(profile) }
      }
      const delivery = dice.pick(deliveries)
      return { transport: 'post', to, profile: narrowed({ ...profile, delivery }) }
    })
    // A radio beside it: two channels to one neighbour.
    const radioed = first
      .filter(() => dice.chance(radioProbability))
      .map(({ to }): ScriptedDial => ({
        transport: 'radio',
        to,
        profile: narrowed({ name: dice.pick(radios) }),
      }))
    return {
      name,
      dials: [...first, ...radioed],
      ...(dice.chance(directProbability) && { direct: directBy(dice, palette) }),
      ...(dice.chance(0.3) && { clockStandsStill: true }),
      ...(index > 0 && dice.chance(lateProbability) && { bootsAtMs: dice.integer(0, faultyMs) }),
    }
  })
}

function directBy(dice: Dice, palette: readonly ProfileName[]): ProfileSpec {
  return { name: dice.pick(palette) }
}

/** A pipe that takes less than it claims, if it is such a one. */
function narrowBy(dice: Dice, spec: ProfileSpec): ProfileSpec {
  const profile = profileOf(spec)
  const { messageBytesMax, reliable } = profile.traits
  if (!mayTakeLess(profile)) return spec
  const least = reliable ? gattBytesMin : passedBytesMin
  const passedBytesMax = dice.magnitude(least, Math.max(least, Math.min(messageBytesMax, 2_000)))
  // GATT stacks cut what is too long; datagrams vanish.
  const mayCut = profile.traits.cost.class === 'bluetooth'
  return { ...spec, passedBytesMax, cutsLonger: mayCut && dice.chance(0.7) }
}

/** Indexes of the peers that one dials: always before it, but for the ring's last. */
function neighboursOf(shape: Shape, index: number, count: number): readonly number[] {
  if (index === 0) return []
  switch (shape) {
    case 'star':
      return [0]
    case 'chain':
      return [index - 1]
    case 'ring':
      return index === count - 1 && index > 1 ? [index - 1, 0] : [index - 1]
    case 'clique':
      return Array.from({ length: index }, (_, other) => other)
    default:
      return [index === 1 ? 0 : index % 2]
  }
}
