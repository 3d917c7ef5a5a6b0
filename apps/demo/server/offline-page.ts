/**
 * A vite plugin that lets the built page load without its server: a service worker that keeps every
 * file of the build, and answers from there when the network does not.
 */

import { createHash } from 'node:crypto'
import type { Plugin } from 'vite'

export function offlinePage(): Plugin {
  return {
    name: 'offline-page',
    apply: 'build',
    generateBundle(_options, bundle) {
      const names = Object.keys(bundle).filter((name) => !name.endsWith('.map'))
      const files = ['/', '/icon.svg', '/manifest.webmanifest', ...names.map((name) => `/${name}`)]
      this.emitFile({
        type: 'asset',
        fileName: 'service-worker.js',
        source: serviceWorker(files.filter((file) => file !== '/index.html')),
      })
    },
  }
}

/** The script: a cache for each build, filled when it is installed, the old ones dropped after. */
function serviceWorker(files: readonly string[]): string {
  const version = createHash('sha256').update(files.join()).digest('hex').slice(0, 16)
  return `const cacheName = 'page-${version}'
const files = ${JSON.stringify(files, null, 2)}

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(cacheName).then((cache) => cache.addAll(files)))
  self.skipWaiting()
})

self.addEventListener('activate', (event) => {
  const forget = async () => {
    const names = await caches.keys()
    await Promise.all(names.filter((name) => name !== cacheName).map((name) => caches.delete(name)))
    await self.clients.claim()
  }
  event.waitUntil(forget())
})

self.addEventListener('fetch', (event) => {
  const url = new URL(event.request.url)
  if (event.request.method !== 'GET' || url.origin !== self.location.origin) return
  const path = event.request.mode === 'navigate' ? '/' : url.pathname
  if (!files.includes(path)) return
  event.respondWith(
    caches.match(path, { ignoreSearch: true }).then((kept) => kept ?? fetch(event.request)),
  )
})
`
}
