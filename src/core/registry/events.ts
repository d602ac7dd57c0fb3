// Every event of the log: its stable word, its severities, what it means, and what an operator does; and the report
// that becomes a line. The compiler rejects a line with a word or a severity that is not here;
// docs/operation/runbook.md is generated from these rows.

/** The severities, least serious first. */
export const SEVERITIES = ["info", "warning", "critical"] as const;
/** One of them. */
export type Severity = typeof SEVERITIES[number];

/** What an operator reads about an event. */
export interface EventRow {
  /** The severities that occur. */
  readonly severities: readonly Severity[];
  /** One sentence. */
  readonly meaning: string;
  /** What to do, or that there is nothing to do. */
  readonly cure: string;
}

/** By word, in alphabetical order. */
export const EVENTS = {
  "address": {
    severities: ["info"],
    meaning: "The Elastic IP was given by id, description or label; the line has its address.",
    cure: "Check that it is the address that you meant.",
  },
  "address-back": {
    severities: ["warning"],
    meaning: "The Elastic IP exists again in the cloud, and can be attached.",
    cure: "Nothing: the master attaches it, whatever its new id.",
  },
  "address-released": {
    severities: ["critical"],
    meaning: "The Elastic IP does not exist any more in the cloud; roles stay, heartbeats go on.",
    cure: "Nobody can choose an address, so give all nodes another one with -xi, and restart them.",
  },
  "address-unknown": {
    severities: ["warning", "critical"],
    meaning: "The Elastic IP of that id, description or label was not found.",
    cure: "Correct -xi, or wait: a warning repeats while the cloud does not answer.",
  },
  "address-unusable": {
    severities: ["critical"],
    meaning: "The Elastic IP vanished and is back as one that Exoscale moves or hands out itself.",
    cure: "Remove its health check, or take it off the pool: then the master attaches it.",
  },
  "associate-failed": {
    severities: ["critical"],
    meaning: "-A failed: the Elastic IP may not be attached.",
    cure: "Correct what the line names and run it again; --doctor finds the cause.",
  },
  "associated": {
    severities: ["info"],
    meaning: "-A: the Elastic IP is attached to this instance.",
    cure: "Nothing.",
  },
  "attached": {
    severities: ["info"],
    meaning: "The Elastic IP is attached to this instance now.",
    cure: "Nothing.",
  },
  "call": {
    severities: ["info"],
    meaning: "A call to the cloud succeeded (with -v).",
    cure: "Leave out -v to see failures only.",
  },
  "check-failing": {
    severities: ["warning"],
    meaning: "A health check failed often enough: this node is unhealthy, and the line says why.",
    cure: "Repair the service that the check asks. Until it passes, healthy nodes take precedence.",
  },
  "check-passing": {
    severities: ["info"],
    meaning: "A health check passes, for the first time or again.",
    cure: "Nothing.",
  },
  "check-pending": {
    severities: ["warning"],
    meaning: "A health check has no result when the hold-off ends, and fails until it has one.",
    cure: "Find out why the check gives no result: exoip --status shows its state.",
  },
  "cloud-back": {
    severities: ["info"],
    meaning: "The cloud answers again, and this node can hold the address.",
    cure: "Nothing: the node takes part again.",
  },
  "cloud-error": {
    severities: ["warning"],
    meaning: "A call to the cloud failed and is repeated; the line ends in the kind of the error.",
    cure: "Nothing, if it stops. Otherwise see the kind in the table of errors, and run --doctor.",
  },
  "cloud-lost": {
    severities: ["warning"],
    meaning: "Calls to the cloud have failed for the dead time, so this node steps aside.",
    cure: "Look at the cloud-error lines before it, and run --doctor on this node.",
  },
  "cloud-refused": {
    severities: ["critical"],
    meaning: "At the start the cloud refused something that waiting cannot change: the node ends.",
    cure: "Correct what the line names (key, role, address, group, zone) and start again.",
  },
  "command-line": {
    severities: ["warning"],
    meaning: "An argument is ignored, or shows a secret to everybody who can run ps.",
    cure: "Remove the argument; give a secret in a file or in a variable.",
  },
  "configuration": {
    severities: ["info", "warning", "critical"],
    meaning: "What is in force (with -v); a file that too many may read; why nothing starts.",
    cure: "Correct what the line names; make a file with secrets readable by its owner only.",
  },
  "control": {
    severities: ["info", "warning"],
    meaning: "The control socket cannot be opened, so no command reaches this watchdog.",
    cure: "Give a writable place with --control-socket, or none if you do not use the commands.",
  },
  "credentials": {
    severities: ["info", "warning", "critical"],
    meaning: "Key or secret was read again from its file: it changed, is unusable, or has expired.",
    cure: "Put a valid key and secret into the file. The watchdog reads it without a signal.",
  },
  "demote": {
    severities: ["info"],
    meaning: "An operator ran --demote here, or took it back; the line says who.",
    cure: "Nothing: run exoip --promote to take it back.",
  },
  "detached": {
    severities: ["info"],
    meaning: "The Elastic IP is detached from this instance now.",
    cure: "Nothing, if another node holds or this one was stopped.",
  },
  "discovery": {
    severities: ["info"],
    meaning: "The peers were found in the cloud; the line says who they are and why.",
    cure: "Check that the line names the nodes that you expect.",
  },
  "dissociate-failed": {
    severities: ["critical"],
    meaning: "-D failed: the Elastic IP may still be attached.",
    cure: "Correct what the line names and run it again; --doctor finds the cause.",
  },
  "dissociated": {
    severities: ["info"],
    meaning: "-D: the Elastic IP is not attached to this instance any more.",
    cure: "Nothing.",
  },
  "drain": {
    severities: ["info", "warning"],
    meaning: "The node was drained, or the drain was taken back; the line says by whom and why.",
    cure: "Run exoip --undrain when the work on this node is done.",
  },
  "evicted": {
    severities: ["warning"],
    meaning: "This node took the Elastic IP from a dead node.",
    cure: "Find out why that node died: check its machine, its watchdog, and the network.",
  },
  "exit": {
    severities: ["info", "critical"],
    meaning: "The watchdog has ended; critical: the Elastic IP is, or may be, still attached.",
    cure: "Run exoip -D on this machine, or detach the address in the portal.",
  },
  "group-differs": {
    severities: ["warning"],
    meaning: "A peer says that it holds, but has only a part of the addresses of --together.",
    cure: "Give all nodes the same -xi and --together: nothing is given up to that peer.",
  },
  "history-file": {
    severities: ["info", "warning"],
    meaning: "--history-file cannot be used or written, or was set aside; or it is written again.",
    cure: "Free the disk or correct the path. Heartbeats and failover do not depend on it.",
  },
  "hold-vanished": {
    severities: ["warning"],
    meaning:
      "Somebody else detached the Elastic IP from this instance; the node attaches it again.",
    cure: "If it comes back, find who does it: Terraform, an operator, or an unheard peer.",
  },
  "holder-denied": {
    severities: ["warning"],
    meaning:
      "The cloud lists a holder, but denies that it holds when asked about it alone; the owner goes on.",
    cure: "If it lasts, tell the cloud's support: its list of the address's instances is wrong.",
  },
  "holder-unheard": {
    severities: ["warning"],
    meaning: "A peer that this node does not hear holds and runs: no silent peer is evicted.",
    cure: "Repair the network between the two: UDP port 12345 both ways; --doctor tests it.",
  },
  "holder-unknown": {
    severities: ["warning"],
    meaning: "An instance that is not a peer holds the Elastic IP, too.",
    cure: "Detach the address from that instance, or make it a peer on all nodes.",
  },
  "instance-unknown": {
    severities: ["warning", "critical"],
    meaning: "Nothing says which instance this is: the node waits, or ends.",
    cure: "Give the id with -i, or let the machine reach the metadata service.",
  },
  "interface": {
    severities: ["info", "warning", "critical"],
    meaning:
      "The address was put on, put back or taken off the interface; or this machine lacks it.",
    cure: "Put the address on lo, or start with --address-on lo; look for what takes it off.",
  },
  "lease-acquired": {
    severities: ["info"],
    meaning: "This node owns the lease, so it may hold the address; needs --lease.",
    cure: "Nothing.",
  },
  "lease-failsafe": {
    severities: ["info", "warning"],
    meaning:
      "Without the store, a holder keeps the address while it hears every peer; or that ended.",
    cure: "Repair the store: with one peer silent, the node gives the address up.",
  },
  "lease-lost": {
    severities: ["warning"],
    meaning: "This node owned the lease and does not any more; the line says how it lost it.",
    cure: "Find out what paused this process, its machine, or its way to the store.",
  },
  "lease-released": {
    severities: ["info"],
    meaning: "This node gave the lease up: to its successor, for a planned move, or to any node.",
    cure: "Nothing.",
  },
  "listen": {
    severities: ["info", "warning", "critical"],
    meaning: "The socket of -l cannot be opened: the node waits for its address, or ends.",
    cure: "Free the port, or correct -l; a warning ends when this machine gets the address.",
  },
  "listen-status": {
    severities: ["info", "warning"],
    meaning: "--listen-status cannot listen and tries again every 5 s; or it listens after all.",
    cure: "Free the port, or correct --listen-status. Heartbeats do not depend on it.",
  },
  "log": {
    severities: ["warning"],
    meaning: "Syslog takes no lines, takes them again, or lines were lost.",
    cure: "Start syslog, or log to standard output with -O; see that something reads it.",
  },
  "move-limit": {
    severities: ["info", "critical"],
    meaning:
      "The Elastic IP moved as often as --move-limit allows: now only a holder that cannot " +
      "serve loses it; info: the limit is over.",
    cure: "Find out why it moves: the role and check lines before it say so on each node.",
  },
  "notify": {
    severities: ["warning"],
    meaning: "The command of --notify failed, took too long, or missed a change.",
    cure: "Run the command by hand; the line has its exit code or what went wrong.",
  },
  "one-way": {
    severities: ["info", "warning"],
    meaning: "A live peer does not hear this node, or hears it again.",
    cure: "Admit UDP port 12345 from this node to that peer; run --doctor on both.",
  },
  "path-back": {
    severities: ["info"],
    meaning:
      "A peer that is heard elsewhere is heard on this path, too: for the first time, or again.",
    cure: "Nothing.",
  },
  "path-silent": {
    severities: ["warning"],
    meaning: "A peer lives, but one of the paths to it is silent: the next fault may cut it off.",
    cure:
      "Check that network on both machines: interface, address, and for a public path the firewall.",
  },
  "peer-alive": {
    severities: ["info"],
    meaning: "This node hears a peer for the first time, or again.",
    cure: "Nothing.",
  },
  "peer-dead": {
    severities: ["warning"],
    meaning: "A peer was silent for the dead time, on all paths to it.",
    cure: "Check that machine and its watchdog; if both run, check the network between.",
  },
  "peer-gone": {
    severities: ["warning"],
    meaning: "A missing peer of -p counts as gone: this node may attach beside an unknown holder.",
    cure: "Correct -p. If the peer's machine is dead and holds, switch it off or detach it.",
  },
  "peer-joined": {
    severities: ["info"],
    meaning: "A peer is new on the list.",
    cure: "Nothing, if you added that machine. Otherwise find out who put it on the list.",
  },
  "peer-left": {
    severities: ["info"],
    meaning: "A peer is no longer on the list.",
    cure: "Nothing, if you removed it. Otherwise put it back into the pool, label or group.",
  },
  "peer-name": {
    severities: ["info", "warning", "critical"],
    meaning: "The names of -p have these addresses, or have none, now or at all.",
    cure: "Correct -p or the name servers; a warning ends when the name servers answer.",
  },
  "peer-unknown": {
    severities: ["info", "critical"],
    meaning: "No instance has an address of -p; info: a name has others that instances do have.",
    cure: "Correct -p or the zone: each peer is the native address of one instance.",
  },
  "priority": {
    severities: ["info", "warning"],
    meaning: "The priority changed; warning: it is at the end of its range and cannot.",
    cure: "Stop sending that signal: the range is 1 to 255.",
  },
  "privileges": {
    severities: ["info"],
    meaning: "The process gave up rights; the line says what it may still do.",
    cure: "Nothing.",
  },
  "promote": {
    severities: ["info"],
    meaning: "An operator ran --promote here: this node goes before its peers.",
    cure: "Nothing; a restart or a new -P brings the configured order back.",
  },
  "refused": {
    severities: ["warning"],
    meaning: "A datagram was refused; the line has its sender and the reason.",
    cure: "See the reason in the table of refused datagrams.",
  },
  "reload": {
    severities: ["info", "warning"],
    meaning: "What a reload put into force; warning: what needs a restart.",
    cure: "Restart the watchdog to apply the options that the line names.",
  },
  "reload-refused": {
    severities: ["warning"],
    meaning: "The new configuration has a mistake, so the old one stays.",
    cure: "Correct the mistake that the line names, and send SIGHUP again.",
  },
  "role": {
    severities: ["info", "warning"],
    meaning: "The node is master or backup now, and why.",
    cure: "See the reason in the table of roles.",
  },
  "shadow": {
    severities: ["info", "warning"],
    meaning: "What this node would have done without --shadow, and why; nothing was changed.",
    cure: "Compare it with what happened; the report at the end does the same.",
  },
  "signal": {
    severities: ["info"],
    meaning: "The process received a signal.",
    cure: "Nothing: the next lines say what follows.",
  },
  "source": {
    severities: ["info", "warning"],
    meaning: "Heartbeats do not leave from the address that the peers know; or they do again.",
    cure: "Give the machine that address, or correct -l. It is right only behind NAT.",
  },
  "start": {
    severities: ["info"],
    meaning: "The watchdog of an Elastic IP begins; the line has its cloud.",
    cure: "Nothing.",
  },
  "store-back": {
    severities: ["info"],
    meaning: "The store of the lease answers again.",
    cure: "Nothing.",
  },
  "store-error": {
    severities: ["warning"],
    meaning: "A call to the store of the lease failed; the line says where and why.",
    cure: "Look at the store's members, the way to them, and the user that --lease-user names.",
  },
  "store-lost": {
    severities: ["warning"],
    meaning:
      "The store of the lease has served no request for two thirds of the lease's time: it is silent, or refuses all.",
    cure: "Look at the store-error lines. Meanwhile only --lease-failsafe keeps a holder.",
  },
  "twin": {
    severities: ["info", "critical"],
    meaning: "Another machine speaks with this instance's id, or seems to, or does so no longer.",
    cure: "Give each machine its own id, or leave out -i: the line says what stops until then.",
  },
  "unsigned": {
    severities: ["info", "warning"],
    meaning: "Heartbeats are not signed; warning: unsigned ones are accepted beside signed ones.",
    cure: "Leave out --accept-unsigned once all nodes sign.",
  },
  "zone-unknown": {
    severities: ["warning", "critical"],
    meaning: "The zone of this instance, or its endpoint, was not found.",
    cure: "Give it with --zone; a warning repeats while the cloud does not answer.",
  },
} as const;
// Separate from the constant: otherwise Deno 2.7 (no-slow-types) finds no type.
EVENTS satisfies Readonly<Record<string, EventRow>>;

/** A word that begins a line of the log. */
export type EventName = keyof typeof EVENTS;
/** The severities that a line with that word can have. */
export type SeverityOf<Event extends EventName> = typeof EVENTS[Event]["severities"][number];
/** Words of lines that can have each of these severities. */
export type EventOf<Level extends Severity> = {
  [Event in EventName]: [Level] extends [SeverityOf<Event>] ? Event : never;
}[EventName];

/** A report to the operator: one log line. */
export interface Report {
  readonly severity: Severity;
  /** Stable word for log searches. */
  readonly event: EventName;
  /** The sentence: what happened, then the facts. */
  readonly text: string;
}

/** Reports something to the operator. */
export type Say = <Event extends EventName>(
  severity: SeverityOf<Event>,
  event: Event,
  text: string,
) => void;

/** Builds a report. */
export function report<Event extends EventName>(
  severity: SeverityOf<Event>,
  event: Event,
  text: string,
): Report {
  return { severity, event, text };
}
