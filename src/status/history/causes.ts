// Why an outage began and lasted, and why two nodes held, as far as this node can know.
import { type Change, type Holding, SELF, type Standing, STRANGER } from "./entry.ts";

/** The words of causes. */
export const CAUSE_WORDS = [
  "peer-silent",
  "peer-gave-up",
  "peer-left",
  "lost-here",
  "unknown-before",
  "still-shown",
  "cloud-unreachable",
  "attach-failing",
  "lease-held",
  "lease-wanted",
  "lease-lost",
  "lease-store-lost",
  "released",
  "none-healthy",
  "equal-rank",
  "hand-over",
  "late-detach",
  "unheard-holder",
  "stranger",
] as const;

/** One cause. */
export interface Cause {
  readonly word: typeof CAUSE_WORDS[number];
  /** Key of the node that it concerns, null without one. */
  readonly node: string | null;
  /** For people. */
  readonly text: string;
}

/** A change, and the states of all nodes after it. */
export interface Facts {
  readonly entry: Change;
  readonly nodes: ReadonlyMap<string, Standing>;
  /** Key of the node that last began to hold in this run, null without one. */
  readonly lastHolder: string | null;
  readonly name: (key: string) => string;
}

/** What a peer's heartbeats said when it gave the address up. */
const GAVE_UP: Readonly<Record<string, string>> = {
  leaving: ": it is stopping",
  unable: ": it cannot take the address",
  unhealthy: ": it is unhealthy",
};

/** Why an outage began. */
export function causesAtStart(facts: Facts, earlier: Holding): Cause[] {
  const { entry: { node, state, why }, name } = facts;
  const of = (word: Cause["word"], text: string): Cause[] => [{ word, node, text }];
  if (earlier === "unknown") return [unknownBefore(facts)];
  if (node === SELF) {
    const reason = state === "unknown" ? "the cloud did not say" : why;
    return of("lost-here", `this node does not hold any more (${reason})`);
  }
  if (state === "absent") return of("peer-left", `${name(node)} left the list of peers`);
  if (state === "silent" || state === "holds-unheard") {
    return of("peer-silent", `${name(node)} silent`);
  }
  return of("peer-gave-up", `${name(node)} gave it up${GAVE_UP[why] ?? ""}`);
}

/** The cause if this node learns only now that nobody holds: the last holder may have fallen silent earlier. */
function unknownBefore({ lastHolder, nodes, name }: Facts): Cause {
  if (lastHolder !== null && ["silent", "holds-unheard"].includes(stateOf(nodes, lastHolder))) {
    return { word: "peer-silent", node: lastHolder, text: `${name(lastHolder)} silent` };
  }
  return { word: "unknown-before", node: null, text: "nobody was seen to hold it before" };
}

function stateOf(nodes: Facts["nodes"], key: string): string {
  return nodes.get(key)?.state ?? "absent";
}

/** What keeps this node from attaching, in words. */
const HINDRANCES = {
  "cloud-unreachable": "this node does not reach the cloud, so its attach waits",
  "attach-failing": "the attach of this node fails",
  "lease-held": "another node has the lease, which it gives up or which expires",
  "lease-wanted": "nobody has the lease, and this node asks for it",
  "lease-lost": "this node lost the lease and asks for it again",
  "lease-store-lost": "this node does not reach the store of the lease",
  "released": "the Elastic IP cannot be attached: it is released, or moved by the cloud itself",
} as const;

/** Why an outage lasts. */
export function causesDuring({ nodes, name }: Facts): Cause[] {
  const self = nodes.get(SELF)?.why ?? "";
  const hindered = self in HINDRANCES ? self as keyof typeof HINDRANCES : null;
  const shown = [...nodes].filter(([, { state }]) => state === "holds-unheard");
  const heard = [...nodes].filter(([, { state }]) => state === "alive");
  const allUnhealthy = heard.length > 0 && heard.every(([, { why }]) => why === "unhealthy");
  return [
    ...shown.map(([node]): Cause => ({
      word: "still-shown",
      node,
      text: `the cloud still shows it on ${name(node)}, which is silent`,
    })),
    ...(hindered ? [{ word: hindered, node: SELF, text: HINDRANCES[hindered] }] : []),
    ...(allUnhealthy
      ? [{ word: "none-healthy", node: null, text: "no live node is healthy" } as const]
      : []),
  ];
}

/** Why several hold. */
export function causesFor(holding: Holding, { nodes, name }: Facts): Cause[] {
  const held = [...nodes].filter(([, { state }]) => state.startsWith("holds"));
  const names = (list: typeof held) => list.map(([key]) => name(key)).join(" and ");
  if (holding === "sharing") {
    return [{ word: "equal-rank", node: null, text: `${names(held)} have equal rank` }];
  }
  if (holding !== "two-holders") return [];
  const unheard = held.filter(([, { state, why }]) =>
    state === "holds-unheard" && why !== STRANGER
  );
  const strange = held.filter(([, { why }]) => why === STRANGER);
  if (unheard.length + strange.length === 0) {
    const text = `hand-over: ${names(held)} hold, one attaches before the other detaches`;
    return [{ word: "hand-over", node: null, text }];
  }
  return [
    ...unheard.map(([node]): Cause => ({
      word: "unheard-holder",
      node,
      text: `the cloud shows it on ${name(node)} as well, which is not heard`,
    })),
    ...strange.map(([node]): Cause => ({
      word: "stranger",
      node,
      text: `the cloud shows it on ${name(node)} as well, which is no peer`,
    })),
  ];
}
