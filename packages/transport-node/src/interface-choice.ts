/** Which interfaces a transport uses, and which it would rather use (rule DS12 of docs/specs/discovery.md). */

import type { InterfaceKind } from './interface-kind.ts'
import type { InterfaceAddress } from './network-interfaces.ts'

/** Interfaces by name (`eth0`) or by kind (`awdl`). */
export interface InterfaceChoice {
  /**
   * A peer that is found on one of these is dialled on others only when it is no longer found there;
   * the first entries before the later ones, and those before interfaces that are in no entry.
   */
  readonly prefer?: readonly (InterfaceKind | (string & {}))[]
  /** Not listened at, not looked on, and not dialled from by their link-local addresses. */
  readonly avoid?: readonly (InterfaceKind | (string & {}))[]
}

type NamedInterface = Pick<InterfaceAddress, 'interfaceName' | 'kind'>

/** Those addresses that may be used, preferred ones first. */
export function chosenAddresses(
  addresses: readonly InterfaceAddress[],
  choice: InterfaceChoice,
): readonly InterfaceAddress[] {
  return addresses
    .filter((address) => !isAvoided(address, choice))
    .toSorted((one, other) => preferenceOf(one, choice) - preferenceOf(other, choice))
}

/** Whether an interface is not to be used. */
export function isAvoided(named: NamedInterface, { avoid = [] }: InterfaceChoice): boolean {
  return avoid.some((entry) => isMeant(named, entry))
}

/** 0 for what is preferred most. */
export function preferenceOf(named: NamedInterface, { prefer = [] }: InterfaceChoice): number {
  const position = prefer.findIndex((entry) => isMeant(named, entry))
  return position === -1 ? prefer.length : position
}

function isMeant({ interfaceName, kind }: NamedInterface, entry: string): boolean {
  return entry === interfaceName || entry === kind
}
