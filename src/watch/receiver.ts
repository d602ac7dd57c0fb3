// What comes in from the socket: one datagram after the other, each decoded, accepted or rejected once, and passed to
// the watch of its Elastic IP. With a shared secret its signature must be right. The signature is checked last, so that
// a flood which fails any other test costs no cryptography; and while it is checked, the others wait in the socket's
// bounded buffer, so that a flood which passes them takes no memory.
import { accept, type Accepted, type Rejected } from "../core/election/accept.ts";
import type { TwinHeard } from "../core/election/state.ts";
import { decode, hasSignature, type Heartbeat } from "../core/heartbeat.ts";
import type { Signing } from "../host/keyring.ts";
import type { Datagrams } from "../status/counters.ts";
import type { InfoResponder } from "../status/info_responder.ts";
import type { Clock, Datagram } from "../world.ts";
import type { Refusals } from "./refusals.ts";
import type { Twins } from "./twins.ts";
import type { Watch } from "./watch.ts";

/** What the receiver needs from the watchdog. */
export interface ReceiverOptions {
  readonly clock: Pick<Clock, "nowMs">;
  /** Whether it takes the heartbeats of shadows, and no others. */
  readonly shadow: boolean;
  /** Null when heartbeats are not signed. */
  readonly keyring: Signing | null;
  /** Accept unsigned heartbeats until their sender has signed one. */
  readonly acceptUnsigned: boolean;
  /** Whether this node takes heartbeats at all. */
  readonly heartbeats: boolean;
  readonly watches: readonly Pick<Watch, "node" | "deliver">[];
  readonly refusals: Pick<Refusals, "refuse">;
  readonly datagrams: Pick<Datagrams, "received">;
  /** Handles the heartbeats with our own id. */
  readonly twins: Pick<Twins, "admit">;
  /** Answers requests for the status. */
  readonly infoResponder: Pick<InfoResponder, "answer">;
}

/** A heartbeat and the watch that it is for. */
interface Arrival {
  readonly bytes: Uint8Array;
  readonly from: string;
  readonly heartbeat: Heartbeat;
  readonly watch: Pick<Watch, "node" | "deliver">;
}

/** Receives datagrams. */
export class Receiver {
  readonly #options: ReceiverOptions;

  constructor(options: ReceiverOptions) {
    this.#options = options;
  }

  /** Receives until the socket is closed. */
  async listen(socket: AsyncIterable<Datagram>): Promise<void> {
    for await (const datagram of socket) {
      const checking = this.receive(datagram);
      if (checking) await checking;
    }
  }

  /** Delivers what the node must know and counts the rest. Returns a promise when a signature must be checked first. */
  receive({ bytes, from, fromPort }: Datagram): Promise<void> | void {
    const { clock, shadow, heartbeats, watches, refusals, datagrams, infoResponder } =
      this.#options;
    const heartbeat = decode(bytes, { shadow });
    if ("refused" in heartbeat) {
      const outcome = infoResponder.answer(bytes, { from, fromPort });
      if (outcome !== "answered") refusals.refuse(from, outcome ?? heartbeat.refused);
      return;
    }
    if (!heartbeats) return refusals.refuse(from, "heartbeats-off");
    datagrams.received.add(clock.nowMs());
    const { elasticIp } = heartbeat;
    const watch = watches.find(({ node }) => node.election.settings.elasticIp === elasticIp);
    if (!watch) return refusals.refuse(from, "wrong-address");
    return this.#admit({ bytes, from, heartbeat, watch });
  }

  #admit(arrival: Arrival): Promise<void> | void {
    const { clock, keyring, acceptUnsigned, refusals, twins } = this.#options;
    const { bytes, from, heartbeat, watch } = arrival;
    const signed = keyring !== null && hasSignature(bytes);
    const verdict = accept(watch.node.election, { from, heartbeat, signed }, clock.nowMs());
    if (verdict.kind === "rejected") {
      if (verdict.reason === "own-id") {
        const deliver = (heard: TwinHeard) => watch.deliver({ kind: "twin-heard", ...heard });
        return twins.admit({ bytes, from, heartbeat, deliver });
      }
      // Rejected whatever its signature is. Check it only if an answer is due: only a sender with the secret gets one.
      if (!verdict.answerDue) return watch.deliver(verdict);
    }
    if (!keyring) return watch.deliver(verdict);
    if (!signed) return acceptUnsigned ? watch.deliver(verdict) : refusals.refuse(from, "unsigned");
    const { keyId = 0 } = heartbeat.trailer ?? {};
    if (!keyring.knows(keyId)) return refusals.refuse(from, "unknown-key");
    return this.#check(arrival, verdict, { keyring, keyId });
  }

  async #check(
    { bytes, watch }: Arrival,
    verdict: Accepted | Rejected,
    { keyring, keyId }: { keyring: Signing; keyId: number },
  ): Promise<void> {
    if (await keyring.verify(bytes, keyId)) watch.deliver(verdict);
    else this.#options.refusals.refuse(verdict.from, "bad-tag");
  }
}
