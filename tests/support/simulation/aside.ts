// What an operator asked of a simulated machine, as its node is told.
import type { Aside, AsideKind } from "../../../src/core/election/aside.ts";

/** The request in force, null without one. */
export function asideOf({ aside }: { readonly aside: AsideKind | null }): Aside | null {
  return aside && { kind: aside, by: "root", why: "kernel update", wallMs: 0 };
}
