/** The usage error: the command line asks for something that cannot be. Exit status 2. */

export class UsageError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UsageError'
  }
}
