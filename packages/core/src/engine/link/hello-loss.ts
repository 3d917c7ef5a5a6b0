/**
 * Which share of a neighbour's hellos is missing (rule LK28 of docs/specs/link.md). On a channel that
 * is reliable none should be: what is missing shows that its transport does not keep its word.
 */

/** Hellos that are looked back on: two minutes, or a bit for each in an integer. */
const rememberedHellos = 32

/** With fewer, nothing is said: one lost of three is no share. */
const tellingHellos = 8

/** Numbers of hellos count modulo this. */
export const helloNumberModulus = 256

/** See the file header. */
export class HelloLoss {
  /** Whether each of the last hellos came, the latest in the lowest bit. */
  #cameBits = 0
  #count = 0
  #latest: number | undefined

  /** 0 to 1; undefined until enough hellos were due. */
  get ratio(): number | undefined {
    if (this.#count < tellingHellos) return undefined
    const remembered = Math.min(this.#count, rememberedHellos)
    let came = 0
    for (let place = 0; place < remembered; place += 1) came += (this.#cameBits >>> place) & 1
    return 1 - came / remembered
  }

  /** The hello of that number came. One that is not later than the latest changes nothing. */
  received(number: number): void {
    const before = this.#latest ?? number - 1
    const step = (number - before + helloNumberModulus) % helloNumberModulus
    if (step === 0 || step > helloNumberModulus / 2) return
    this.#latest = number
    this.#count = Math.min(this.#count + step, rememberedHellos)
    this.#cameBits = step < rememberedHellos ? (this.#cameBits << step) | 1 : 1
  }
}
