import { expect, test } from 'vitest'
import { localNetworkObstacle, type PermissionHost } from './local-network.ts'

/** A browser that knows these permissions, and throws at others. */
function browser(states: Readonly<Record<string, string>>): PermissionHost {
  return {
    permissions: {
      query: async ({ name }) => {
        const state = states[name]
        if (state === undefined) throw new TypeError(`${name} is no permission`)
        return { state }
      },
    },
  }
}

test.each([
  [{}, undefined],
  [{ 'local-network-access': 'granted' }, undefined],
  [{ 'local-network-access': 'prompt' }, 'local-network-unanswered'],
  [{ 'local-network': 'denied', 'loopback-network': 'prompt' }, 'local-network-denied'],
])('with the permissions %j the obstacle is %s', async (states, obstacle) => {
  expect(await localNetworkObstacle(browser(states))).toBe(obstacle)
})

test('where nothing can be asked there is no obstacle', async () => {
  expect(await localNetworkObstacle(undefined)).toBe(undefined)
  expect(await localNetworkObstacle({})).toBe(undefined)
})
