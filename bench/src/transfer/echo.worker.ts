/** Answers what comes on the port that it is given: the cost of a hop to a worker and back. */

self.onmessage = ({ data }) => {
  const port = data as MessagePort
  port.onmessage = ({ data: request }) => {
    port.postMessage(request)
  }
}
