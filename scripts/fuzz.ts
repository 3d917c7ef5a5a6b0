// `pnpm fuzz [--inputs N] [--runs N] [--messages N] [--seed S]`: bytes against the decoders, then
// hostile channels and hostile members against an engine, each run from a seed of its own, counted
// up from the first. Ends with one line; exits 1 when something did not hold or memory grew.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createYjsDocuments } from '../packages/core/src/documents/yjs-documents.ts'
import { nodeCryptography } from '../packages/core/src/driver/node-cryptography.ts'
import {
  DecoderFuzz,
  examplesOf,
  fuzzChannels,
  fuzzedDecoders,
  fuzzMember,
  type FuzzedDecoder,
} from '../packages/core/src/testing/fuzz/index.ts'
import {
  encodeHeader,
  farewell,
  TcpFrameReader,
} from '../packages/transport-node/src/tcp-framing.ts'
import {
  decodeDescription,
  encodeDescription,
} from '../packages/transport-webrtc/src/meeting/description.ts'
import type { Description } from '../packages/transport-webrtc/src/meeting/description.ts'
import { decodeSignal } from '../packages/transport-webrtc/src/signal.ts'

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '10000000' },
    runs: { type: 'string', default: '10' },
    messages: { type: 'string', default: '2000' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
  },
})
const inputs = Number(values.inputs)
const runs = Number(values.runs)
const messages = Number(values.messages)
const firstSeed = Number(values.seed)
if (![inputs, runs, messages, firstSeed].every((value) => Number.isInteger(value) && value >= 0)) {
  console.error('usage: pnpm fuzz [--inputs N] [--runs N] [--messages N] [--seed S]')
  process.exit(2)
}

/** What live memory may differ by between two looks, in bytes: caches of compiled code come and go. */
const growthBytesMax = 16 * 1024 * 1024
const vectorsFolder = join(import.meta.dirname, '../docs/specs/vectors')
setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

console.log(`first seed ${firstSeed}`)
let violations = 0
const decoded = fuzzDecoders()
const total = fuzzEngines()
console.log(
  `${decoded} inputs of decoders, ${runs} seeds with ${total} hostile messages, ${violations} violations`,
)
process.exit(violations > 0 ? 1 : 0)

function fuzzDecoders(): number {
  const vectors = readdirSync(vectorsFolder).map((file): unknown =>
    JSON.parse(readFileSync(join(vectorsFolder, file), 'utf8')),
  )
  const decoders = [...fuzzedDecoders(nodeCryptography), ...transportDecoders()]
  const share = Math.ceil(inputs / decoders.length)
  let count = 0
  for (const decoder of decoders) {
    const fuzz = new DecoderFuzz(decoder, examplesOf(vectors), firstSeed)
    // By a tenth of the inputs the corpus is full, and whatever is compiled or cached has been.
    fuzz.run(Math.ceil(share / 10))
    const bytesBefore = liveBytes()
    fuzz.run(share - Math.ceil(share / 10))
    const result = fuzz.result()
    const grownBytes = liveBytes() - bytesBefore
    count += result.inputs
    console.log(
      `${decoder.name}: ${result.inputs} inputs, ${result.accepted} accepted, ` +
        `${result.shapes} shapes, live memory ${(grownBytes / 1e6).toFixed(1)} MB more`,
    )
    for (const violation of result.violations) tell(violation, '--runs 0')
    if (grownBytes > growthBytesMax) tell(`${decoder.name} keeps ${grownBytes} bytes`, '--runs 0')
  }
  return count
}

/** What transports decode before an engine sees it. */
function transportDecoders(): FuzzedDecoder[] {
  const end = Buffer.from('{"session":"0123456789abcdef","type":"end"}')
  const offer = Buffer.from('{"session":"0123456789abcdef","type":"offer","sdp":"v=0"}')
  const candidate = Buffer.from(
    '{"session":"0123456789abcdef","type":"candidate","candidate":{"candidate":"c","sdpMid":"0"}}',
  )
  return [
    { name: 'tcp stream', decode: readTcp, examples: [Buffer.concat([encodeHeader(1), farewell])] },
    { name: 'webrtc signal', decode: decodeSignal, examples: [end, offer, candidate] },
    {
      name: 'webrtc description',
      decode: decodeDescription,
      encode: (value) => encodeDescription(value as Description),
    },
  ]
}

/** What a stream holds that comes in two pieces; undefined for one that breaks the rules. */
function readTcp(stream: Uint8Array): readonly unknown[] | undefined {
  const reader = new TcpFrameReader()
  const half = stream.length >> 1
  const frames = [stream.subarray(0, half), stream.subarray(half)].flatMap((piece) => [
    ...reader.read(piece),
  ])
  return frames.some(({ type }) => type === 'broken') ? undefined : frames
}

function fuzzEngines(): number {
  let count = 0
  for (let seed = firstSeed; seed < firstSeed + runs; seed += 1) {
    const replay = `--inputs 0 --runs 1 --messages ${messages} --seed ${seed}`
    for (const [kind, fuzz] of [
      ['channels', fuzzChannels],
      ['member', fuzzMember],
    ] as const) {
      const options = { seed, messages, cryptography: nodeCryptography }
      try {
        const result = fuzz({ ...options, documents: createYjsDocuments() })
        count += result.messages
        for (const violation of result.violations) tell(`${kind}: ${violation}`, replay)
      } catch (error) {
        tell(`${kind}: ${error instanceof Error ? error.stack : String(error)}`, replay)
      }
    }
  }
  return count
}

function liveBytes(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

function tell(violation: string, replay: string): void {
  violations += 1
  console.log(violation)
  console.log(`replay: pnpm fuzz --seed ${firstSeed} ${replay}`)
}
