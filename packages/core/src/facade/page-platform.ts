/** What a page runs on, as other peers are shown it. */

/** What of a `navigator` is looked at. */
export interface BrowserNavigator {
  readonly userAgent: string
}

/**
 * The engine of this browser: `chromium`, `firefox` or `safari`, or `browser` for any other. For people
 * to read, and decides nothing: what a browser can do is found out by looking at it.
 */
export function pagePlatform({ userAgent }: BrowserNavigator = navigator): string {
  if (/\bFirefox\//.test(userAgent)) return 'firefox'
  if (/Chrom(?:e|ium)\//.test(userAgent)) return 'chromium'
  // Every browser of iOS and iPadOS has this engine, whatever it calls itself.
  if (/\bAppleWebKit\//.test(userAgent)) return 'safari'
  return 'browser'
}
