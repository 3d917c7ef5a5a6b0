/** The whole of an application's worker file. */

import { serveEngine } from '@fieldmesh/core/worker'

serveEngine()
