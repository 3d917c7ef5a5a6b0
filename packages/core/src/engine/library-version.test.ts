import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { libraryVersion } from './library-version.ts'

test('the version that peers are shown is that of the package', () => {
  const file = new URL('../../package.json', import.meta.url)
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string }
  expect(libraryVersion).toBe(version)
})
