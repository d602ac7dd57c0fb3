// What the doctor hears of each peer while it listens.
import type { OwnPath } from "../world.ts";
import type { Heartbeat, Mark } from "../core/heartbeat.ts";
import type { PeerIdentity } from "../core/election/peer.ts";

/** What was heard of a peer. */
export interface Hearing {
  /** Its heartbeats came. */
  readonly heard: boolean;
  /** They say that ours arrive, too; null if their format cannot. */
  readonly hearsUs: boolean | null;
  /** They are signed. */
  readonly signed: boolean;
  /** Their problem, null without one. */
  readonly wrong: string | null;
  /** Another address that sends heartbeats with this peer's id; null without one. */
  readonly strayFrom: string | null;
}

/** One Elastic IP, and the peers to probe for it. */
export interface Conversation {
  readonly elasticIp: string;
  /** Our id on the wire. */
  readonly wireId: string;
  readonly peers: readonly PeerIdentity[];
  /** Our addresses in the private networks of the peers. */
  readonly own: readonly OwnPath[];
  /** Whether to send; else it only listens. */
  readonly speaks: boolean;
}

/** The key of a peer in the result of `converse`. */
export function hearingKey(elasticIp: string, address: string): string {
  return `${elasticIp} ${address}`;
}

const SILENCE: Hearing = {
  heard: false,
  hearsUs: false,
  signed: false,
  wrong: null,
  strayFrom: null,
};

/** Collects what is heard. */
export class Hearings {
  readonly byKey = new Map<string, Hearing>();
  readonly #conversations: readonly Conversation[];
  /** The last heartbeat with a valid signature, by `hearingKey`. */
  readonly #marks = new Map<string, Mark>();
  /** Peers that sent a heartbeat about the right Elastic IP, even a wrong one. */
  readonly #right = new Set<string>();

  /** Starts with nothing heard. */
  constructor(conversations: readonly Conversation[]) {
    this.#conversations = conversations;
    for (const { elasticIp, peers } of conversations) {
      for (const { address } of peers) this.byKey.set(hearingKey(elasticIp, address), SILENCE);
    }
  }

  /** Whether no further heartbeat can add anything. */
  get satisfied(): boolean {
    return this.#conversations.every(({ elasticIp, peers, speaks }) =>
      peers.every(({ address }) => {
        const { heard, hearsUs, wrong } = this.#of(elasticIp, address);
        return heard && wrong === null && (hearsUs !== false || !speaks);
      })
    );
  }

  /** The mark that a heartbeat to that peer echoes, to prove that we are alive. */
  echoFor(elasticIp: string, address: string): Mark | null {
    return this.#marks.get(hearingKey(elasticIp, address)) ?? null;
  }

  /** Whether the heartbeat counts: it comes from a peer's address, or has a peer's id. */
  wants(from: string, { elasticIp, id }: Heartbeat): boolean {
    return this.#conversations.some((each) =>
      each.peers.some(({ address, wireId }) =>
        address === from || (each.elasticIp === elasticIp && wireId === id)
      )
    );
  }

  /** `doubt` says why it is not accepted. */
  hear(
    from: string,
    heartbeat: Heartbeat,
    { doubt, signed }: { doubt: string | null; signed: boolean },
  ): void {
    for (const { elasticIp, peers } of this.#conversations) {
      const peer = peers.find(({ address }) => address === from);
      if (!peer) {
        const same = elasticIp === heartbeat.elasticIp && doubt === null;
        const stray = same ? peers.find(({ wireId }) => wireId === heartbeat.id) : undefined;
        if (stray) this.#hearStray(from, { elasticIp, address: stray.address });
        continue;
      }
      const key = hearingKey(elasticIp, from);
      const { stamp, sequence = 0 } = heartbeat.trailer ?? {};
      if (stamp && doubt === null && heartbeat.elasticIp === elasticIp) {
        this.#marks.set(key, { run: stamp.run, sequence });
      }
      if (heartbeat.elasticIp === elasticIp) this.#right.add(key);
      // Once the right one was heard, one about another Elastic IP means nothing: its sender watches several.
      else if (this.#right.has(key)) continue;
      const before = this.#of(elasticIp, from);
      const now = hearingOf(heartbeat, { elasticIp, peer, doubt });
      // A wrong heartbeat from the same address means nothing either after a right one.
      if (now.wrong !== null && before.heard && before.wrong === null) continue;
      const hearsUs = before.hearsUs === true ? true : now.hearsUs;
      this.byKey.set(key, { ...now, signed, hearsUs, strayFrom: before.strayFrom });
    }
  }

  #hearStray(from: string, { elasticIp, address }: { elasticIp: string; address: string }): void {
    const before = this.#of(elasticIp, address);
    this.byKey.set(hearingKey(elasticIp, address), { ...before, strayFrom: from });
  }

  #of(elasticIp: string, address: string): Hearing {
    return this.byKey.get(hearingKey(elasticIp, address)) ?? SILENCE;
  }
}

/** What that heartbeat says of the peer whose address it came from. */
function hearingOf(
  { id, trailer, ...said }: Heartbeat,
  { elasticIp, peer, doubt }: { elasticIp: string; peer: PeerIdentity; doubt: string | null },
): Omit<Hearing, "signed" | "strayFrom"> {
  const hearsUs = trailer === null ? null : trailer.hearsYou;
  if (said.elasticIp !== elasticIp) {
    return { heard: true, hearsUs: false, wrong: `watches ${said.elasticIp}, not ${elasticIp}` };
  }
  if (doubt !== null) return { heard: true, hearsUs, wrong: doubt };
  if (peer.wireId !== null && id !== peer.wireId) {
    return { heard: true, hearsUs, wrong: `says that it is ${id}, the cloud ${peer.wireId}` };
  }
  return { heard: true, hearsUs, wrong: null };
}
