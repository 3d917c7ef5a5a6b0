/** Base64 without padding (RFC 4648, section 4), in pages and in Node. */

/** The digits of the bytes. */
export function base64OfBytes(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll('=', '')
}

/** The bytes of the digits; undefined when they are none, or not those that the bytes would give. */
export function bytesOfBase64(digits: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9+/]*$/.test(digits) || digits.length % 4 === 1) return undefined
  const bytes = Uint8Array.from(atob(digits), (character) => character.charCodeAt(0))
  return base64OfBytes(bytes) === digits ? bytes : undefined
}
