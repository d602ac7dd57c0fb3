// The one table of options: it feeds the parser, `-h`, the README and the tests.

/** How a value is written. */
export type OptionKind = "switch" | "text" | "list" | "integer" | "duration";

/** One option. */
export interface Option {
  /** As on the command line, without dashes. One or two dashes are accepted, as Go does. */
  readonly name: string;
  /** Environment variables, highest precedence first. */
  readonly variables: readonly string[];
  readonly kind: OptionKind;
  /** Placeholder of the value in the help. */
  readonly value: string;
  /** As it would be written, empty when there is none. */
  readonly fallback: string;
  readonly help: string;
  /** `original` options are those of the Go tool. */
  readonly origin: "original" | "addition";
}

type Row = readonly [
  name: string,
  variables: string,
  kind: OptionKind,
  value: string,
  fallback: string,
  help: string,
];

const ORIGINAL: readonly Row[] = [
  ["W", "", "switch", "", "", "watchdog: keep the Elastic IP on the best live node"],
  ["A", "", "switch", "", "", "associate: attach the Elastic IP to this instance and exit"],
  ["D", "", "switch", "", "", "dissociate: detach the Elastic IP from this instance and exit"],
  ["xi", "IF_ADDRESS", "text", "ADDRESS", "", "the Elastic IP (IPv4), needed in all modes"],
  ["xk", "IF_EXOSCALE_API_KEY EXOSCALE_API_KEY", "text", "KEY", "", "API key"],
  [
    "xs",
    "IF_EXOSCALE_API_SECRET EXOSCALE_API_SECRET",
    "text",
    "SECRET",
    "",
    "API secret; better in a variable or a file, since arguments show in ps",
  ],
  [
    "xe",
    "IF_EXOSCALE_API_ENDPOINT EXOSCALE_API_ENDPOINT",
    "text",
    "URL",
    "from the zone",
    "API endpoint: a path ending in /v2 means API v2; /compute, /v1 or /client/api means CloudStack",
  ],
  [
    "i",
    "IF_EXOSCALE_INSTANCE_ID",
    "text",
    "UUID",
    "from the metadata service",
    "id of this instance",
  ],
  [
    "p",
    "IF_EXOSCALE_PEERS",
    "list",
    "PEER[,PEER...]",
    "",
    "addresses of the peers; repeatable; the first -p discards the variable",
  ],
  [
    "G",
    "IF_EXOSCALE_PEER_GROUP",
    "text",
    "GROUP",
    "",
    "security group whose instances are the peers, by name or id",
  ],
  ["P", "IF_HOST_PRIORITY", "integer", "0..255", "10", "priority of this node, the lowest wins"],
  [
    "t",
    "IF_ADVERTISEMENT_INTERVAL",
    "duration",
    "TIME",
    "1",
    "time between heartbeats, 10ms to 1h; a bare number means seconds",
  ],
  [
    "r",
    "IF_DEAD_RATIO",
    "integer",
    "1..1000",
    "3",
    "intervals of silence after which a peer is dead",
  ],
  [
    "l",
    "IF_BIND_TO",
    "text",
    "[ADDRESS]:PORT",
    ":12345",
    "address to listen on and send from; all nodes must use the same port",
  ],
  [
    "v",
    "",
    "switch",
    "",
    "",
    "print the configuration (without secrets), and log each call of the watchdog",
  ],
  ["n", "", "switch", "", "", "check the configuration and exit"],
  ["O", "", "switch", "", "", "log to standard output instead of syslog"],
  ["version", "", "switch", "", "", "print version and commit and exit"],
];

const ADDITIONS: readonly Row[] = [
  [
    "stop",
    "",
    "switch",
    "",
    "",
    "end the watchdog that has the --pid-file, wait for its end, and exit",
  ],
  ["status", "", "switch", "", "", "print the state of this machine's watchdog and exit"],
  [
    "pid-file",
    "IF_PID_FILE",
    "text",
    "FILE",
    "",
    "file with the process id of the watchdog, locked while it runs",
  ],
  [
    "api",
    "IF_EXOSCALE_API",
    "text",
    "v1|v2",
    "from the endpoint, else v2",
    "which API to speak: v2, or v1 for CloudStack",
  ],
  [
    "zone",
    "IF_EXOSCALE_ZONE EXOSCALE_ZONE",
    "text",
    "ZONE",
    "from the metadata service",
    "zone of this instance, for example ch-gva-2 (API v2)",
  ],
  [
    "api-secret-file",
    "IF_EXOSCALE_API_SECRET_FILE",
    "text",
    "FILE",
    "",
    "file with the API secret, used when no secret is given itself",
  ],
  [
    "exclusive",
    "IF_EXCLUSIVE",
    "switch",
    "",
    "",
    "of several nodes with the same best priority only the one with the lowest id holds",
  ],
  [
    "no-preempt",
    "IF_NO_PREEMPT",
    "switch",
    "",
    "",
    "leave the Elastic IP with a live node that ranks lower",
  ],
  [
    "preempt-delay",
    "IF_PREEMPT_DELAY",
    "duration",
    "TIME",
    "0",
    "leave it there for this long first, 0 to 1 day",
  ],
  [
    "handover-timeout",
    "IF_HANDOVER_TIMEOUT",
    "duration",
    "TIME",
    "10",
    "when told to stop: longest wait for a successor to hold the Elastic IP, 0 to 10min",
  ],
  [
    "reconcile",
    "IF_RECONCILE",
    "duration",
    "TIME",
    "30",
    "time between two looks at the cloud, 5s to 5min",
  ],
  [
    "wire",
    "IF_WIRE",
    "text",
    "full|plain",
    "full",
    "plain sends the original's 24 bytes only, without trailer",
  ],
  ["h", "", "switch", "", "", "print this help and exit"],
];

/** All options in the order of the help. */
export const OPTIONS: readonly Option[] = [
  ...ORIGINAL.map((row) => optionOf(row, "original")),
  ...ADDITIONS.map((row) => optionOf(row, "addition")),
];

function optionOf(
  [name, variables, kind, value, fallback, help]: Row,
  origin: Option["origin"],
): Option {
  return {
    name,
    variables: variables.split(" ").filter(Boolean),
    kind,
    value,
    fallback,
    help,
    origin,
  };
}

/** How the option is written: one dash for those of the original, two for ours. */
export function flagOf({ name, origin }: Pick<Option, "name" | "origin">): string {
  return origin === "original" || name.length === 1 ? `-${name}` : `--${name}`;
}
