import { serveEngine } from '@fieldmesh/core/worker'

serveEngine()
