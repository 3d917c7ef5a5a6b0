/** An order, as it stands on the board. */

export const orderStatuses = ['open', 'cooking', 'ready'] as const
export type OrderStatus = (typeof orderStatuses)[number]

export interface Order {
  readonly _id: string
  readonly table: number
  readonly dishes: string
  readonly status: OrderStatus
  /** Position on the board: milliseconds since 1970 by the clock of the device that took it. */
  readonly takenAtMs: number
  /** Name of the device that took it. */
  readonly takenBy: string
}

/** What comes after a status; nothing comes after `ready` but being served. */
export function nextStatus(status: OrderStatus): OrderStatus | undefined {
  return orderStatuses[orderStatuses.indexOf(status) + 1]
}
