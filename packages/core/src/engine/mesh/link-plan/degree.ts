/** How many links a peer has (rules LP2 and LP11). */

/** Links that a peer strives for: enough that losing a few does not part the mesh. */
export const degreeTarget = 6

/** Links beyond which a peer seeks no more, and drops some: each costs hellos, memory and battery. */
export const degreeMax = 12

/** Links beyond the target that stay: so many come when others join, and go when they leave. */
export const degreeSlack = 2
