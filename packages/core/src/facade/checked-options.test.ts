import { expect, test } from 'vitest'
import type { Transport } from '../transport/transport.ts'
import { checkOptions } from './checked-options.ts'
import { MeshError } from './mesh-error.ts'
import type { MeshOptions } from './mesh-options.ts'

const secret = 'ab'.repeat(32)
const transport = { name: 'memory' } as Transport

test('a secret is taken as bytes or as hexadecimal digits, and copied', () => {
  const bytes = new Uint8Array(32).fill(0xab)
  expect(checkOptions({ app: 'cafe', secret }).secret).toEqual(bytes)
  const checked = checkOptions({ app: 'cafe', secret: bytes })
  bytes.fill(0)
  expect(checked.secret).toEqual(new Uint8Array(32).fill(0xab))
})

test('what is left out has its default', () => {
  expect(checkOptions({ app: 'cafe', secret })).toEqual({
    app: 'cafe',
    secret: new Uint8Array(32).fill(0xab),
    store: 'main',
    transports: [],
    name: '',
    metadata: {},
  })
})

const wrong: Record<string, { readonly options: object; readonly named: RegExp }> = {
  'no app': { options: { secret }, named: /^app is of type undefined/ },
  'an empty app': { options: { app: '', secret }, named: /^app is 0 characters/ },
  'a long app': { options: { app: 'x'.repeat(65), secret }, named: /^app is 65 characters/ },
  'no secret': { options: { app: 'cafe' }, named: /^secret is missing/ },
  'a short secret': { options: { app: 'cafe', secret: new Uint8Array(16) }, named: /16 bytes/ },
  'a password': { options: { app: 'cafe', secret: 'opensesame' }, named: /10 characters/ },
  'a long name': { options: { app: 'cafe', secret, name: 'x'.repeat(65) }, named: /^name/ },
  'an empty store': { options: { app: 'cafe', secret, store: '' }, named: /^store/ },
  'metadata that is no text': {
    options: { app: 'cafe', secret, metadata: { table: 4 } },
    named: /^metadata.table is of type number/,
  },
  'too much metadata': {
    options: {
      app: 'cafe',
      secret,
      metadata: Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`k${index}`, ''])),
    },
    named: /17 entries/,
  },
  'two transports of one name': {
    options: { app: 'cafe', secret, transports: [transport, transport] },
    named: /two transports named memory/,
  },
}

for (const [what, { options, named }] of Object.entries(wrong)) {
  test(`${what} is options-invalid, and the message names it`, () => {
    const check = () => checkOptions(options as MeshOptions)
    expect(check).toThrow(MeshError)
    expect(check).toThrow(named)
  })
}

test('no message repeats a secret', () => {
  expect(() => checkOptions({ app: 'cafe', secret: 'hunter2' })).not.toThrow(/hunter2/)
})
