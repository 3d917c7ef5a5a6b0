/** What bounds the channels that other ends can make a transport hold. */

/**
 * Open channels beyond which a transport takes no more; each holds at most 0.4 MiB. How the other end
 * learns of it is the transport's own.
 */
export const channelsMax = 256

/** Time in which whoever opens a channel must send its first message, or make room for others. */
export const firstMessageMs = 10_000
