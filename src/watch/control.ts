// What operators ask of a running watchdog: to stand aside, to take part again, to go first. Three requests to stand
// aside can be in force at once, each with its own end: a drain (until --undrain), a cordon (until the uncordon) and a
// demotion of single addresses (until --promote). The core is told the first of them.
import type { Aside } from "../core/election/aside.ts";
import { type Election, outranking, settling, twinned } from "../core/election/state.ts";
import { eligible, keepsAddress, rankOf, titleOf, unhealthy } from "../core/election/peer.ts";
import {
  type AddressStand,
  type ControlAnswer,
  type ControlRequest,
  requestIn,
} from "../status/control_protocol.ts";
import { apart, membersOf } from "../core/node/group.ts";
import { holdersOf } from "../status/verdict.ts";
import type { Snapshot } from "../status/snapshot.ts";
import type { Watch } from "./watch.ts";
import type { Log } from "../world.ts";

/** The watchdog as control needs it. */
export interface Controlled {
  readonly watches: readonly Pick<Watch, "node" | "deliver" | "exitCode">[];
  readonly log: Log;
  snapshot(): Pick<Snapshot, "addresses" | "shadow">;
}

/** Carries out requests. */
export class Control {
  readonly #watchdog: Controlled;
  readonly #drainFile: string;
  #drain: Aside | null;
  #cordon: Aside | null = null;
  /** By Elastic IP. */
  readonly #demotions = new Map<string, Aside>();

  /** `drainFile` is read at the start. `drain` is what it said then; the watches know that already. */
  constructor(
    watchdog: Controlled,
    { drain, drainFile }: { drain: Aside | null; drainFile: string },
  ) {
    this.#drainFile = drainFile;
    this.#watchdog = watchdog;
    this.#drain = drain;
  }

  /** The answer to one line. */
  answer(line: string): string {
    const request = requestIn(line);
    const answer: ControlAnswer = "problem" in request
      ? { ok: false, problem: request.problem }
      : this.#carryOut(request);
    return JSON.stringify(answer);
  }

  /** The Kubernetes node was cordoned, or is no longer (null). */
  cordon(cordon: Aside | null): void {
    const before = this.#cordon;
    this.#cordon = cordon;
    if (cordon) this.#watchdog.log.write("warning", "drain", `drained${byText(cordon)}`);
    else if (before) {
      const rest = this.#drain ? ": it stays drained" + byText(this.#drain) : "";
      this.#watchdog.log.write("info", "drain", `the node is no longer cordoned${rest}`);
    }
    this.#apply();
  }

  #carryOut(request: ControlRequest): ControlAnswer {
    const { verb, elasticIp } = request;
    const watches = this.#watchdog.watches.filter(({ exitCode }) => exitCode === null);
    const found = watches.filter(({ node }) =>
      elasticIp === null || membersOf(node).some((each) => each.elasticIp === elasticIp)
    );
    if (found.length === 0) return { ok: false, problem: this.#unknown(elasticIp) };
    // `state` is asked twenty times a second, and a snapshot of many peers is work.
    if (verb !== "state" && this.#watchdog.snapshot().shadow) {
      return { ok: false, problem: "this watchdog is a shadow: it moves nothing" };
    }
    const problem = verb === "promote" ? this.#whyNotFirst(found) : null;
    if (problem !== null) {
      const demoted = found.some(({ node }) => node.election.aside?.kind === "demoted");
      const rest = demoted ? "; it stays demoted until exoip --undrain" : "";
      return { ok: false, problem: problem + rest };
    }
    if (verb !== "state") this.#change(request, found);
    return { ok: true, addresses: this.#stands(found), drainFile: this.#drainFile };
  }

  #change(request: ControlRequest, watches: Controlled["watches"]): void {
    const { verb, by, why, wallMs } = request;
    const { log } = this.#watchdog;
    const addresses = watches.map(({ node }) => node.election.settings.elasticIp);
    const what = addresses.join(", ");
    if (verb === "demote") {
      const aside: Aside = { kind: "demoted", by, why, wallMs };
      for (const address of addresses) this.#demotions.set(address, aside);
      log.write("info", "demote", `demoted for ${what}${byText(aside)}`);
    } else if (verb === "drain") {
      this.#drain = { kind: "drained", by, why, wallMs };
      log.write("warning", "drain", `drained${byText(this.#drain)}`);
    } else if (verb === "undrain") {
      this.#undrain(by);
    } else {
      for (const address of addresses) {
        if (this.#demotions.delete(address)) {
          log.write("info", "demote", `no longer demoted for ${address}: taken back by ${by}`);
        }
      }
      log.write("info", "promote", `goes first for ${what}, asked by ${by}`);
    }
    this.#apply();
    if (verb === "promote") { for (const watch of watches) watch.deliver({ kind: "promote" }); }
  }

  #undrain(by: string): void {
    const { log } = this.#watchdog;
    const kept = this.#cordon ? ": it stays drained" + byText(this.#cordon) : "";
    if (this.#drain) log.write("info", "drain", `no longer drained: taken back by ${by}${kept}`);
    this.#drain = null;
    if (this.#demotions.size > 0) {
      log.write("info", "demote", `no longer demoted: taken back by ${by}`);
    }
    this.#demotions.clear();
  }

  /** Tells each watch the request that is in force for it, if that has changed. */
  #apply(): void {
    for (const watch of this.#watchdog.watches) {
      const { settings: { elasticIp }, aside: before } = watch.node.election;
      const aside = this.#drain ?? this.#cordon ?? this.#demotions.get(elasticIp) ?? null;
      const same = aside?.kind === before?.kind && aside?.by === before?.by &&
        aside?.why === before?.why && aside?.wallMs === before?.wallMs;
      if (!same) watch.deliver({ kind: "aside", aside });
    }
  }

  #unknown(elasticIp: string | null): string {
    const known = this.#watchdog.watches.flatMap(({ node }) => membersOf(node))
      .map((member) => member.elasticIp);
    return elasticIp === null
      ? "this watchdog is ending"
      : `this watchdog does not watch ${elasticIp}, but ${known.join(", ")}`;
  }

  /** Why one of them cannot go first, null if all can. */
  #whyNotFirst(watches: Controlled["watches"]): string | null {
    const drain = this.#drain ?? this.#cordon;
    if (drain) return `this node is drained${byText(drain)}: run exoip --undrain first`;
    for (const { node: { election } } of watches) {
      const why = whyUnable(election) ?? whyLast(election);
      if (why !== null) return `cannot go first for ${election.settings.elasticIp}: ${why}`;
    }
    return null;
  }

  #stands(watches: Controlled["watches"]): AddressStand[] {
    const { addresses } = this.#watchdog.snapshot();
    return watches.flatMap(({ node }) => apart(node)).map(({ election, ownership }) => {
      const { settings: { elasticIp, handoverTimeoutMs }, role, reason, priority } = election;
      const view = addresses.find((each) => each.elasticIp === elasticIp);
      return {
        ...{ elasticIp, role, reason, priority },
        holding: ownership.holding,
        changing: ownership.write.inFlight !== null,
        holders: view ? holdersOf(view) : [],
        decided: !settling(election),
        outranked: outranking(election).length > 0,
        aside: election.aside,
        handoverMs: handoverTimeoutMs,
      };
    });
  }
}

/** ` by root: kernel update`. */
function byText({ by, why }: Aside): string {
  return ` by ${by}${why && `: ${why}`}`;
}

/** Why the node could not serve. */
function whyUnable(state: Election): string | null {
  const { stops, healthy, unhealthyReason, cloudReachable, inPeerList, kept } = state;
  if (stops > 0) return "it is stopping";
  if (settling(state)) return "it has just started and still listens; try again in a moment";
  if (!healthy) return `it is unhealthy${unhealthyReason && `: ${unhealthyReason}`}`;
  if (!cloudReachable) return "it does not reach the cloud";
  if (!inPeerList) return "the list of peers does not have it";
  if (kept) return "an instance that holds may be a peer of -p that cannot be placed";
  return twinned(state) ? "another machine speaks with this instance's id" : null;
}

/** The peer that no priority can go before. */
function whyLast({ peers, priority, settings: { exclusive } }: Election): string | null {
  if (priority === 0 && !exclusive) return null;
  const holder = [...peers.values()].find(keepsAddress);
  if (holder) {
    return `${titleOf(holder)} keeps the address, which moved as often as --move-limit allows: ` +
      "run exoip --demote there";
  }
  const first = [...peers.values()].find((peer) =>
    eligible(peer) && !unhealthy(peer) && rankOf(peer).priority === 0
  );
  return first
    ? `peer ${titleOf(first)} has priority 0, and there is no better one: give it another -P`
    : null;
}
