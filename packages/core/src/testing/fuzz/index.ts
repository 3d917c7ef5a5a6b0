/** The fuzzer: one engine against strangers and against a member that has gone bad. */

export { fuzzChannels, fuzzMember } from './fuzz-run.ts'
