// The page's bundle. Sources of the workspace are taken as they are; nothing has to be built first.

import { defaultClientConditions, defineConfig } from 'vite'
import { offlinePage } from './server/offline-page.ts'

export default defineConfig({
  resolve: { conditions: ['fieldmesh-source', ...defaultClientConditions] },
  worker: { format: 'es' },
  build: { target: 'es2022', sourcemap: true },
  plugins: [offlinePage()],
})
