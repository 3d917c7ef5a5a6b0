/** The fuzzer: one engine against strangers and against a member that has gone bad. */

export { DecoderFuzz, examplesOf } from './decoder-fuzz.ts'
export { fuzzedDecoders } from './decoders.ts'
export type { FuzzedDecoder } from './decoders.ts'
export { fuzzChannels, fuzzMember } from './fuzz-run.ts'
