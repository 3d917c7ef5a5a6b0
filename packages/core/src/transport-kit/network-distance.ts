/** How far away a host of the internet protocols is, told by its name or address alone. */

/**
 * `lan` for loopback, private (RFC 1918, RFC 4193), link-local (RFC 3927, RFC 4291) and shared
 * (RFC 6598) addresses and for `.local` names (RFC 6762); `wan` for the rest. Brackets and zone of
 * an IPv6 address are allowed.
 */
export function distanceOfHost(host: string): 'lan' | 'wan' {
  const name = host.toLowerCase().replace(/^\[|\]$/g, '')
  const address = name.replace(/%.*$/, '').replace(/^::ffff:/, '')
  if (isIpv4(address)) return isNearIpv4(address) ? 'lan' : 'wan'
  if (address.includes(':')) {
    return address === '::1' || /^f[cd]/.test(address) || /^fe[89ab]/.test(address) ? 'lan' : 'wan'
  }
  return name === 'localhost' || name.endsWith('.localhost') || name.endsWith('.local')
    ? 'lan'
    : 'wan'
}

function isIpv4(text: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(text)
}

function isNearIpv4(address: string): boolean {
  const [first = 0, second = 0] = address.split('.').map(Number)
  return (
    first === 10 ||
    first === 127 ||
    (first === 172 && second >= 16 && second <= 31) ||
    (first === 192 && second === 168) ||
    (first === 169 && second === 254) ||
    (first === 100 && second >= 64 && second <= 127)
  )
}
