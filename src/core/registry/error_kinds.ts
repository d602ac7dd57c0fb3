// Every kind of cloud error, by name: the word that ends its message and by which it is counted.

/** What an operator reads about a kind. */
export interface ErrorKindRow {
  /** Whether a retry may succeed. */
  readonly retryable: boolean;
  /**
   * What a starting node does about it: it waits; it exits if the error lasts for a while, because a failing gateway
   * can return the same error; or it exits at once, because waiting cannot help.
   */
  readonly atStart: "waits" | "ends-if-it-lasts" | "ends";
  readonly meaning: string;
  readonly cure: string;
}

/** By word, from the connection to the requests that the configuration causes. */
export const ERROR_KINDS = {
  "unreachable": {
    retryable: true,
    atStart: "waits",
    meaning: "No connection to the cloud works, or it broke.",
    cure: "Look at routes, firewall and proxy: the message names the address.",
  },
  "name-resolution": {
    retryable: true,
    atStart: "waits",
    meaning: "The name of the endpoint has no address.",
    cure: "Look at /etc/resolv.conf and the name servers that the message names.",
  },
  "untrusted": {
    retryable: true,
    atStart: "waits",
    meaning: "The certificate of the endpoint is not trusted.",
    cure: "Give your own authority with --ca-file; check the clock and who answers there.",
  },
  "timeout": {
    retryable: true,
    atStart: "waits",
    meaning: "The cloud did not answer, or not completely, in time.",
    cure: "Nothing, if it passes: the cloud or the way to it is slow.",
  },
  "aborted": {
    retryable: false,
    atStart: "waits",
    meaning: "The program gave up the request, because it ends or no longer needs the answer.",
    cure: "Nothing.",
  },
  "empty-answer": {
    retryable: true,
    atStart: "waits",
    meaning: "The answer has no content.",
    cure: "Check the endpoint and the proxy; a failing gateway can answer like this.",
  },
  "not-json": {
    retryable: true,
    atStart: "waits",
    meaning: "The answer is not JSON.",
    cure: "Check the endpoint and the proxy; a failing gateway can answer like this.",
  },
  "truncated-json": {
    retryable: true,
    atStart: "waits",
    meaning: "The answer is JSON that breaks off or is malformed.",
    cure: "Nothing, if it passes; otherwise look at the proxy.",
  },
  "oversized-answer": {
    retryable: true,
    atStart: "waits",
    meaning: "The answer is bigger than any answer of this API should be.",
    cure: "Check the endpoint; on a huge CloudStack, use an account with fewer machines.",
  },
  "unexpected-answer": {
    retryable: true,
    atStart: "waits",
    meaning: "The answer lacks something that this API always gives.",
    cure: "Check the endpoint. If it is right, report the message: it names what was missing.",
  },
  "clock-late": {
    retryable: true,
    atStart: "waits",
    meaning: "The cloud refuses signatures because the clock of this machine is late.",
    cure: "Set the clock, with NTP.",
  },
  "unauthorized": {
    retryable: false,
    atStart: "ends-if-it-lasts",
    meaning: "The cloud does not accept key and secret (401).",
    cure: "Check key and secret.",
  },
  "forbidden": {
    retryable: false,
    atStart: "ends-if-it-lasts",
    meaning: "The role of the key, or the policy of the organisation, does not allow this (403).",
    cure: "Give the key the role that --print-iam-policy prints; check the secret.",
  },
  "deprecated": {
    retryable: false,
    atStart: "ends",
    meaning: "The endpoint has been switched off (410).",
    cure: "Leave out -xe: the endpoint of API v2 follows from the zone.",
  },
  "not-found": {
    retryable: false,
    atStart: "ends-if-it-lasts",
    meaning: "The cloud does not know what the request names (404).",
    cure: "Check the zone, -i and -xi.",
  },
  "conflict": {
    retryable: true,
    atStart: "waits",
    meaning: "The instance or the address is busy or in another state (409, 412, 423, 425).",
    cure: "Nothing: it is repeated until the other change is over.",
  },
  "rate-limited": {
    retryable: true,
    atStart: "waits",
    meaning: "The key made too many requests (429).",
    cure: "Give this cluster a key of its own, or a longer --reconcile-interval.",
  },
  "refused": {
    retryable: false,
    atStart: "ends-if-it-lasts",
    meaning: "The cloud refuses the request (400 and others); the message quotes why.",
    cure: "Correct what the message names; an instance that still starts gets this, too.",
  },
  "server-error": {
    retryable: true,
    atStart: "waits",
    meaning: "The cloud failed (5xx).",
    cure: "Nothing, if it passes; otherwise look at the status page of the cloud.",
  },
  "operation-failed": {
    retryable: false,
    atStart: "waits",
    meaning: "The cloud began the change, and then it failed.",
    cure: "Look at the reason in the message, and at the instance in the portal.",
  },
  "operation-endless": {
    retryable: true,
    atStart: "waits",
    meaning: "The cloud began the change and did not finish it in time.",
    cure: "Nothing, if it passes; otherwise look at the instance in the portal.",
  },
  "late": {
    retryable: true,
    atStart: "waits",
    meaning: "A change came too late: the peer was heard, time had passed, or the lease was over.",
    cure: "Nothing: the node judges again.",
  },
  "no-such-instance": {
    retryable: false,
    atStart: "ends-if-it-lasts",
    meaning: "No zone, or not this one, has the instance of that id.",
    cure: "Correct -i or --zone; the key must belong to the organisation of the instance.",
  },
  "no-such-address": {
    retryable: false,
    atStart: "ends",
    meaning: "The zone has no Elastic IP of that address, id, description or label.",
    cure: "Correct -xi or --zone, or allocate the address.",
  },
  "ambiguous-address": {
    retryable: false,
    atStart: "ends",
    meaning: "Several Elastic IPs have that description or label, or two values of -xi name one.",
    cure: "Give the address itself, or its id.",
  },
  "no-such-group": {
    retryable: false,
    atStart: "ends",
    meaning: "The zone has no security group of that name.",
    cure: "Correct -G or --zone, or make that group with all nodes in it.",
  },
  "no-such-network": {
    retryable: false,
    atStart: "ends",
    meaning: "The zone has no private network of that name, or this node cannot use it.",
    cure:
      "Do what the message says: correct --heartbeat-network, attach this instance, or give the network a range.",
  },
  "no-peers": {
    retryable: false,
    atStart: "ends",
    meaning:
      "No peers were given, and the instance is in no pool and has no label to find them by.",
    cure: "Name them with -p or -G, or put all nodes into one pool or under one label.",
  },
  "no-such-zone": {
    retryable: false,
    atStart: "ends",
    meaning: "The cloud has no zone of that name.",
    cure: "Correct --zone; the message lists those that exist.",
  },
  "managed-address": {
    retryable: false,
    atStart: "ends",
    meaning: "The cloud itself moves this Elastic IP by a health check.",
    cure: "Use an Elastic IP without a health check.",
  },
  "pool-address": {
    retryable: false,
    atStart: "ends",
    meaning: "The instance pool hands this Elastic IP to every member.",
    cure: "Take the address off the pool: exo api reset-instance-pool-field POOL-ID elastic-ips.",
  },
  "no-ipv6": {
    retryable: false,
    atStart: "ends",
    meaning: "The Elastic IP is IPv6, and the instance has no IPv6.",
    cure: "Turn IPv6 on for the instance (public-ip-assignment: dual).",
  },
  "address-released": {
    retryable: false,
    atStart: "waits",
    meaning: "The Elastic IP existed at the start and does not exist any more.",
    cure: "Give all nodes another one with -xi; the address-released line says more.",
  },
  "nic-changed": {
    retryable: false,
    atStart: "waits",
    meaning: "The default NIC of the instance is another one than at the start (API v1).",
    cure: "Restart the watchdog.",
  },
} as const;
ERROR_KINDS satisfies Readonly<Record<string, ErrorKindRow>>;

/** The kind of a cloud error. */
export type CloudErrorKind = keyof typeof ERROR_KINDS;
