// Why a datagram is refused: the words by which log, status and metrics count.

/** What an operator reads about a reason. */
export interface RejectReasonRow {
  readonly meaning: string;
  /** What to do if it continues. */
  readonly cure: string;
}

/** By word, in the order in which a datagram is checked. */
export const REJECT_REASONS = {
  "length": {
    meaning: "The datagram has a length that no heartbeat has.",
    cure: "Something else sends to this port: find the sender, or close the port to it.",
  },
  "version": {
    meaning: "The datagram does not begin with the version of the protocol.",
    cure: "Something else sends to this port: find the sender, or close the port to it.",
  },
  "shadow": {
    meaning:
      "One of the two runs with --shadow and the other does not, so neither believes the other.",
    cure: "Give shadows a port of their own with -l, on all nodes.",
  },
  "priority-mismatch": {
    meaning: "The two copies of the priority differ.",
    cure: "Something damages or forges datagrams: look at the network.",
  },
  "trailer": {
    meaning: "The part after the first 24 bytes is not in this program's format.",
    cure: "Run the same version everywhere; original peers send 24 bytes.",
  },
  "address-mismatch": {
    meaning: "The IPv6 address and its stand-in in the first 24 bytes do not belong together.",
    cure: "Something damages or forges datagrams: look at the network.",
  },
  "remote-info": {
    meaning: "Another machine asked info, which only this machine may ask.",
    cure: "Ask on the machine itself, or use --listen-status.",
  },
  "info-flood": {
    meaning: "This machine asked info more than 20 times a second.",
    cure: "Ask less often.",
  },
  "heartbeats-off": {
    meaning: "It is a heartbeat, and this node has --heartbeats none.",
    cure: "Give all nodes the same --heartbeats, and the same --lease.",
  },
  "wrong-address": {
    meaning: "The heartbeat is about an Elastic IP that this process does not watch.",
    cure: "Give all nodes the same -xi. Two clusters in one network need different ports.",
  },
  "own-id": {
    meaning: "The heartbeat has this instance's own id.",
    cure: "If a twin line follows, give each machine its own id. Otherwise -p leads back here.",
  },
  "unknown-source": {
    meaning: "The sender's address is not a peer's.",
    cure: "List the sender as a peer, or make it send from its native address: --doctor there.",
  },
  "wrong-id": {
    meaning: "The heartbeat has another id than the cloud gives for the peer at that address.",
    cure: "Correct -i on the sender, or the address of the peer in -p.",
  },
  "reordered": {
    meaning: "The heartbeat is older than one that came before it.",
    cure: "Nothing: networks reorder datagrams. If it lasts, the sender's clock was set back.",
  },
  "unsigned": {
    meaning: "The heartbeat has no signature, and this node requires one.",
    cure: "Give the sender the shared secret, or use --accept-unsigned during the change.",
  },
  "unknown-key": {
    meaning: "The heartbeat is signed with a secret that this node does not have.",
    cure: "Give all nodes the same shared secret, the old one beside the new one.",
  },
  "bad-tag": {
    meaning: "The signature is wrong: another secret, or a forgery.",
    cure: "Compare the secret files; if they agree, find who forges the sender's address.",
  },
  unproven: {
    meaning: "The signature is right, but nothing proves that the heartbeat is not a recording.",
    cure: "Normal for a moment after a start; when it lasts, somebody repeats old heartbeats.",
  },
  "replayed": {
    meaning: "The signed heartbeat is not newer than the last one of that peer.",
    cure: "Nothing, if the sender restarted with its clock set back: it ends in two minutes.",
  },
} as const;
REJECT_REASONS satisfies Readonly<Record<string, RejectReasonRow>>;

/** Why a datagram is refused. */
export type RejectReason = keyof typeof REJECT_REASONS;
