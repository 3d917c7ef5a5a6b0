/** The worker of the conformance suite: uses channels of the page's transports. */

import { serveWorkerEnds } from '@fieldmesh/core/testing'

serveWorkerEnds(self)
