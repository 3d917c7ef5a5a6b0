/**
 * Fuzzing of decoders, guided by what comes out: an input whose value has a shape that was not seen
 * before joins the corpus, from which further inputs are bent. Everything follows from the seed.
 */

import { assertEqual } from '../assertions.ts'
import type { FuzzedDecoder } from './decoders.ts'
import { HostileBytes } from './hostile-bytes.ts'
import { shapeOf } from './value-shape.ts'

/** Inputs kept for bending, for each decoder; beyond it a new one takes the place of an old one. */
const corpusSizeMax = 512
/** Shapes remembered; after that many another one says little. */
const shapesMax = 20_000
/** Longest input, in bytes: a little beyond the largest message. */
const inputBytesMax = 66_000
/** One accepted input in so many is encoded and decoded again. */
const inputsPerReturn = 8

export interface DecoderFuzzResult {
  readonly name: string
  readonly inputs: number
  readonly accepted: number
  readonly shapes: number
  /** Inputs in hexadecimal with what went wrong. */
  readonly violations: readonly string[]
}

/** Fuzzes one decoder; call `run` as often as wanted. */
export class DecoderFuzz {
  readonly #decoder: FuzzedDecoder
  readonly #hostile: HostileBytes
  readonly #corpus: Uint8Array[] = []
  readonly #shapes = new Set<string>()
  readonly #violations: string[] = []
  #inputs = 0
  #accepted = 0

  /** `examples` are tried first; those that the decoder accepts are the first corpus. */
  constructor(decoder: FuzzedDecoder, examples: readonly Uint8Array[], seed: number) {
    this.#decoder = decoder
    this.#hostile = new HostileBytes(seed)
    for (const example of [...examples, ...(decoder.examples ?? [])]) this.#try(example)
  }

  run(inputs: number): void {
    for (let count = 0; count < inputs; count += 1) this.#try(this.#nextInput())
  }

  result(): DecoderFuzzResult {
    return {
      name: this.#decoder.name,
      inputs: this.#inputs,
      accepted: this.#accepted,
      shapes: this.#shapes.size,
      violations: this.#violations,
    }
  }

  #nextInput(): Uint8Array {
    const hostile = this.#hostile
    if (this.#corpus.length === 0 || hostile.chance(0.02)) return hostile.bytes(2_000)
    const base = hostile.pick(this.#corpus)
    if (!hostile.chance(0.1)) return hostile.bend(base)
    const other = hostile.pick(this.#corpus)
    return hostile.bend(hostile.splice(base, other))
  }

  #try(bytes: Uint8Array): void {
    if (bytes.length > inputBytesMax) return
    this.#inputs += 1
    const value = this.#guarded(bytes, () => this.#decoder.decode(bytes))
    if (value === undefined) return
    this.#accepted += 1
    if (this.#accepted % inputsPerReturn === 0) this.#return(bytes, value)
    const shape = shapeOf(value)
    if (this.#shapes.size === shapesMax || this.#shapes.has(shape)) return
    this.#shapes.add(shape)
    this.#return(bytes, value)
    this.#guarded(bytes, () => this.#decoder.use?.(bytes))
    if (this.#corpus.length < corpusSizeMax) this.#corpus.push(bytes)
    else this.#corpus[this.#hostile.integer(0, corpusSizeMax - 1)] = bytes
  }

  /** What was decoded must survive the way back. */
  #return(bytes: Uint8Array, value: unknown): void {
    const { encode, decode } = this.#decoder
    if (encode === undefined) return
    this.#guarded(bytes, () => {
      assertEqual(decode(encode(value)), value, 'what came back')
    })
  }

  #guarded(bytes: Uint8Array, call: () => unknown): unknown {
    try {
      return call()
    } catch (error) {
      this.#violated(bytes, String(error))
      return undefined
    }
  }

  #violated(bytes: Uint8Array, what: string): void {
    if (this.#violations.length >= 10) return
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
    this.#violations.push(`${this.#decoder.name}: ${what}: ${hex}`)
  }
}

/** All byte strings of golden vectors, whatever they are examples of. */
export function examplesOf(vectors: readonly unknown[]): Uint8Array[] {
  const examples = new Map<string, Uint8Array>()
  const visit = (value: unknown): void => {
    if (typeof value === 'string') {
      if (value.length % 2 !== 0 || !/^[0-9a-f]+$/.test(value) || examples.has(value)) return
      const bytes = value.match(/../g) ?? []
      examples.set(
        value,
        Uint8Array.from(bytes, (byte) => Number.parseInt(byte, 16)),
      )
    } else if (typeof value === 'object' && value !== null) Object.values(value).forEach(visit)
  }
  vectors.forEach(visit)
  return [...examples.values()]
}
