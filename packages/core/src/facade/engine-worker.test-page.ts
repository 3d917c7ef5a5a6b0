/** The whole of an application's worker file. */

import { serveEngine } from '../worker/index.ts'

serveEngine()
