import { afterEach, expect, test, vi } from 'vitest'
import { findChromium } from './chromium.mjs'

afterEach(() => {
  vi.unstubAllEnvs()
})

test('the Chromium that FIELDMESH_CHROMIUM names comes before any other', () => {
  vi.stubEnv('FIELDMESH_CHROMIUM', '/opt/somewhere/chromium')
  expect(findChromium()).toBe('/opt/somewhere/chromium')
})
