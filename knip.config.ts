// Dead code: whatever no entry point reaches. Entries of the published packages are read from
// their exports maps and bin; tests, the pages they load, the processes they start, and workers, which nobody imports, are
// named here.

import type { KnipConfig } from 'knip'

const entry = [
  'src/**/*.test.ts',
  'src/**/*.test-page.ts',
  'src/**/*.test-process.ts',
  'src/**/*.worker.ts',
]

const config: KnipConfig = {
  // A unit's exports may be used by its own file and its test alone.
  ignoreExportsUsedInFile: true,
  workspaces: {
    '.': {
      entry: ['scripts/*.{mjs,ts}', 'scripts/**/*.test.ts'],
      project: ['scripts/**/*.{mjs,ts}', '*.config.ts'],
      // Started by scripts/check-packages.mjs by name.
      ignoreDependencies: ['publint', '@arethetypeswrong/cli'],
    },
    // Linux's: tests make network namespaces with it.
    'packages/*': { entry, project: 'src/**/*.ts', ignoreBinaries: ['ip', 'nft', 'tc'] },
    'apps/demo': {
      entry: [...entry, 'src/main.ts', 'server/start.ts', 'test/*.test.ts', 'test/screenshots.ts'],
      project: '**/*.ts',
    },
    bench: { entry: [...entry, 'src/main.ts'], project: '**/*.ts' },
  },
}

export default config
