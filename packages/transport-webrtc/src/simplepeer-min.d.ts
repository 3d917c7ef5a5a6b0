declare module 'simple-peer/simplepeer.min.js' {
  import SimplePeer = require('simple-peer')
  export default SimplePeer
}
