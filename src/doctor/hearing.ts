// What is heard of each peer while the doctor listens.
import type { Heartbeat, Mark } from "../core/heartbeat.ts";
import type { PeerIdentity } from "../core/election/peer.ts";

/** What was heard of a peer. */
export interface Hearing {
  /** Its heartbeats came. */
  readonly heard: boolean;
  /** They say that ours come, too; null when they have no word for it. */
  readonly hearsUs: boolean | null;
  /** They are signed. */
  readonly signed: boolean;
  /** What is wrong with them, null when nothing is. */
  readonly wrong: string | null;
  /** Another address, from which heartbeats come that say they are its; null when none do. */
  readonly strayFrom: string | null;
}

/** One Elastic IP, and who is to be spoken to about it. */
export interface Conversation {
  readonly elasticIp: string;
  /** Our id on the wire. */
  readonly wireId: string;
  readonly peers: readonly PeerIdentity[];
  /** Whether to send; else there is only listening. */
  readonly speaks: boolean;
}

/** Under which name `converse` tells of a peer. */
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

/** Gathers it. */
export class Hearings {
  readonly byKey = new Map<string, Hearing>();
  readonly #conversations: readonly Conversation[];
  /** The last heartbeat with a right tag, by `hearingKey`. */
  readonly #marks = new Map<string, Mark>();
  /** Of whom a heartbeat about the right Elastic IP has come, whatever else is wrong with it. */
  readonly #right = new Set<string>();

  /** Nothing has been heard of anybody. */
  constructor(conversations: readonly Conversation[]) {
    this.#conversations = conversations;
    for (const { elasticIp, peers } of conversations) {
      for (const { address } of peers) this.byKey.set(hearingKey(elasticIp, address), SILENCE);
    }
  }

  /** Nothing that is still to come would say more. */
  get satisfied(): boolean {
    return this.#conversations.every(({ elasticIp, peers, speaks }) =>
      peers.every(({ address }) => {
        const { heard, hearsUs, wrong } = this.#of(elasticIp, address);
        return heard && wrong === null && (hearsUs !== false || !speaks);
      })
    );
  }

  /** What a heartbeat to that peer repeats, so that the peer knows that we live. */
  echoFor(elasticIp: string, address: string): Mark | null {
    return this.#marks.get(hearingKey(elasticIp, address)) ?? null;
  }

  /** Whether anything follows from it: a peer's address is its sender's, or a peer's id is in it. */
  wants(from: string, { elasticIp, id }: Heartbeat): boolean {
    return this.#conversations.some((each) =>
      each.peers.some(({ address, wireId }) =>
        address === from || (each.elasticIp === elasticIp && wireId === id)
      )
    );
  }

  /** `doubt` says why it cannot be believed. */
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
      // One about another Elastic IP says nothing where the right one was heard: its sender watches several.
      else if (this.#right.has(key)) continue;
      const before = this.#of(elasticIp, from);
      const now = hearingOf(heartbeat, { elasticIp, peer, doubt });
      // Nor does somebody else's, who sends from there.
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
