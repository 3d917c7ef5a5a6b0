/** The version of this library, as package.json has it; other peers are shown it. */
export const libraryVersion = '0.0.0'
