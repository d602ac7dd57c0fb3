// The command line by the tables of the original's flags: each flag, its variables, and their precedence.
import { assert, assertEquals } from "@std/assert";
import { isOn, readValues } from "../../src/options/parse.ts";
import { OPTIONS } from "../../src/options/all.ts";

/** Flag, its variables with the strongest first, and a valid value. */
type Row = readonly [name: string, variables: readonly string[], value: string];

const ORIGINAL: readonly Row[] = [
  ["xi", ["IF_ADDRESS"], "198.51.100.50"],
  ["xk", [
    "IF_EXOSCALE_API_KEY",
    "EXOSCALE_API_KEY",
    "EXOSCALE_KEY",
    "CLOUDSTACK_KEY",
    "CLOUDSTACK_API_KEY",
  ], "EXOkey"],
  ["xs", [
    "IF_EXOSCALE_API_SECRET",
    "EXOSCALE_API_SECRET",
    "EXOSCALE_SECRET",
    "EXOSCALE_SECRET_KEY",
    "CLOUDSTACK_SECRET",
    "CLOUDSTACK_SECRET_KEY",
  ], "secret=with=signs="],
  ["xe", ["IF_EXOSCALE_API_ENDPOINT", "EXOSCALE_API_ENDPOINT"], "https://c.test/compute"],
  ["i", ["IF_EXOSCALE_INSTANCE_ID"], "9b1e6f20-53c4-4a7d-8e2f-0a1b2c3d4e5f"],
  ["p", ["IF_EXOSCALE_PEERS"], "192.0.2.1"],
  ["G", ["IF_EXOSCALE_PEER_GROUP"], "load balancers"],
  ["P", ["IF_HOST_PRIORITY"], "20"],
  ["t", ["IF_ADVERTISEMENT_INTERVAL"], "2"],
  ["r", ["IF_DEAD_RATIO"], "5"],
  ["l", ["IF_BIND_TO"], "192.0.2.9:4321"],
];
const ADDED: readonly Row[] = [
  ["api", ["IF_EXOSCALE_API"], "v1"],
  ["zone", ["IF_EXOSCALE_ZONE", "EXOSCALE_ZONE"], "ch-dk-2"],
  ["api-environment", ["IF_EXOSCALE_API_ENVIRONMENT", "EXOSCALE_API_ENVIRONMENT"], "ppapi"],
  ["account", ["IF_EXOSCALE_ACCOUNT", "EXOSCALE_ACCOUNT"], "work"],
  ["api-secret-file", ["IF_EXOSCALE_API_SECRET_FILE"], "/run/secret"],
  ["ca-file", ["IF_CA_FILE"], "/run/ca.pem"],
  ["preempt-delay", ["IF_PREEMPT_DELAY"], "60"],
  ["move-limit", ["IF_MOVE_LIMIT"], "4/1h"],
  ["handover-timeout", ["IF_HANDOVER_TIMEOUT"], "5"],
  ["reconcile-interval", ["IF_RECONCILE_INTERVAL"], "60"],
  ["heartbeat-network", ["IF_HEARTBEAT_NETWORK"], "public"],
  ["heartbeat-format", ["IF_HEARTBEAT_FORMAT"], "original"],
  ["pid-file", ["IF_PID_FILE"], "/run/exoip.pid"],
  ["shared-secret-file", ["IF_SHARED_SECRET_FILE"], "/run/shared"],
  ["check", ["IF_CHECK"], "tcp://127.0.0.1:443"],
  ["check-interval", ["IF_CHECK_INTERVAL"], "1"],
  ["check-timeout", ["IF_CHECK_TIMEOUT"], "500ms"],
  ["check-rise", ["IF_CHECK_RISE"], "1"],
  ["check-fall", ["IF_CHECK_FALL"], "2"],
  ["notify", ["IF_NOTIFY"], "/usr/local/bin/tell"],
  ["notify-timeout", ["IF_NOTIFY_TIMEOUT"], "5"],
  ["address-on", ["IF_ADDRESS_ON"], "lo"],
  ["config", ["IF_CONFIG"], "/etc/exoip/exoip.toml"],
  ["env-file", ["IF_ENV_FILE"], "/etc/exoip/exoip.env"],
  ["log-format", ["IF_LOG_FORMAT"], "json"],
  ["log-level", ["IF_LOG_LEVEL"], "warning"],
  ["history-file", ["IF_HISTORY_FILE"], "/var/lib/exoip/history"],
  ["listen-status", ["IF_LISTEN_STATUS"], ":9311"],
  ["probe", [], "https://198.51.100.50/"],
  ["drill-via", [], "ssh root@edge-1 exoip"],
  ["since", [], "2h"],
  ["control-socket", ["IF_CONTROL_SOCKET"], "/run/exoip/a.sock"],
  ["state-dir", ["IF_STATE_DIR"], "/var/lib/exoip"],
  ["drain-on", ["IF_DRAIN_ON"], "cordon"],
  ["kubernetes-node", ["IF_KUBERNETES_NODE", "NODE_NAME"], "pool-1"],
  ["reason", [], "kernel update"],
  ["lease", ["IF_LEASE"], "etcd:https://a"],
  ["lease-prefix", ["IF_LEASE_PREFIX"], "/a"],
  ["lease-ttl", ["IF_LEASE_TTL"], "5s"],
  ["lease-user", ["IF_LEASE_USER"], "me"],
  ["lease-password-file", ["IF_LEASE_PASSWORD_FILE"], "/p"],
  ["lease-cert-file", ["IF_LEASE_CERT_FILE"], "/c"],
  ["lease-key-file", ["IF_LEASE_KEY_FILE"], "/k"],
  ["heartbeats", ["IF_HEARTBEATS"], "none"],
];
const VALUED = [...ORIGINAL, ...ADDED];
const SWITCHES: ReadonlyArray<readonly [name: string, variable?: string]> = [
  ["W"],
  ["A"],
  ["D"],
  ["v"],
  ["n"],
  ["O"],
  ["version"],
  ["lease-failsafe", "IF_LEASE_FAILSAFE"],
  ["exclusive", "IF_EXCLUSIVE"],
  ["together", "IF_TOGETHER"],
  ["accept-unsigned", "IF_ACCEPT_UNSIGNED"],
  ["no-preempt", "IF_NO_PREEMPT"],
  ["insecure-endpoint", "IF_INSECURE_ENDPOINT"],
  ["shadow", "IF_SHADOW"],
  ["stop"],
  ["doctor"],
  ["drill"],
  ["status"],
  ["history"],
  ["print-config"],
  ["json"],
  ["nagios"],
  ["watch"],
  ["print-iam-policy"],
  ["demote"],
  ["promote"],
  ["drain"],
  ["undrain"],
  ["h"],
];

const textOf = (name: string, argv: readonly string[], env: Record<string, string> = {}) =>
  readValues(argv, env).given.get(name)?.text;

Deno.test("OPTIONS has the flags and variables of these tables and no others", () => {
  const byName = (a: [string, string], b: [string, string]) => a[0] < b[0] ? -1 : 1;
  const expected = [
    ...VALUED.map(([name, variables]): [string, string] => [name, variables.join(" ")]),
    ...SWITCHES.map(([name, variable = ""]): [string, string] => [name, variable]),
  ];
  const actual = OPTIONS.map(({ name, variables }): [string, string] => [
    name,
    variables.join(" "),
  ]);
  assertEquals(actual.sort(byName), expected.sort(byName));
});

Deno.test("readValues() reads each flag with one dash or two, its value apart or after =", () => {
  for (const [name, , value] of VALUED) {
    for (const dash of ["-", "--"]) {
      for (const argv of [[dash + name, value], [`${dash}${name}=${value}`]]) {
        assertEquals(textOf(name, argv), value, argv.join(" "));
      }
    }
  }
});

Deno.test("readValues() reads each variable, and names it as the source", () => {
  for (const [name, variables, value] of VALUED) {
    for (const source of variables) {
      const given = readValues([], { [source]: value }).given;
      assertEquals([...given], [[name, {
        text: value,
        texts: value.split(name === "p" || name === "G" ? "," : "\n"),
        source,
      }]]);
    }
  }
});

Deno.test("readValues() lets each flag override each of its variables", () => {
  for (const [name, variables, value] of VALUED) {
    for (const variable of variables) {
      assertEquals(textOf(name, [`-${name}`, value], { [variable]: "1" }), value, variable);
    }
  }
});

Deno.test("readValues() prefers IF_EXOSCALE_... to EXOSCALE_..., and counts empty as unset", () => {
  for (const [name, [first = "", second], value] of VALUED) {
    assertEquals(textOf(name, [], { [first]: "" }), undefined, first);
    if (second === undefined) continue;
    assertEquals(textOf(name, [], { [first]: value, [second]: "weaker" }), value);
    assertEquals(textOf(name, [], { [first]: "", [second]: value }), value);
  }
});

Deno.test("readValues() lets the last of a repeated flag win, an empty one too", () => {
  assertEquals(textOf("xi", ["-xi", "192.0.2.1", "--xi=192.0.2.2"]), "192.0.2.2");
  assertEquals(textOf("xi", ["-xi", ""], { IF_ADDRESS: "192.0.2.1" }), "");
  assertEquals(textOf("xi", ["-xi="], { IF_ADDRESS: "192.0.2.1" }), "");
});

Deno.test("readValues() adds up -p, discards IF_EXOSCALE_PEERS, keeps empty pieces", () => {
  const env = { IF_EXOSCALE_PEERS: "192.0.2.8,192.0.2.9" };
  const rows: ReadonlyArray<readonly [argv: string[], peers: string]> = [
    [[], "192.0.2.8,192.0.2.9"],
    [["-p", "192.0.2.1"], "192.0.2.1"],
    [["-p", "192.0.2.1", "-W", "--p=192.0.2.2,192.0.2.3"], "192.0.2.1,192.0.2.2,192.0.2.3"],
    [["-p", ""], ""],
    [["-p", "192.0.2.1", "-p", ""], "192.0.2.1,"],
  ];
  for (const [argv, peers] of rows) assertEquals(textOf("p", argv, env), peers, argv.join(" "));
});

Deno.test("readValues() takes the next argument as the value, flag or not", () => {
  const { given } = readValues(["-xs", "-W", "-G", "--"], {});
  assertEquals([given.get("xs")?.text, given.get("G")?.text, given.has("W")], ["-W", "--", false]);
});

Deno.test("isOn() knows switches that are alone, =true and =false in Go's spellings", () => {
  for (const [name, variable] of SWITCHES) {
    for (const on of ["", "=1", "=t", "=T", "=true", "=TRUE", "=True"]) {
      for (const dash of ["-", "--"]) {
        assert(isOn(readValues([dash + name + on], {}).given.get(name)), dash + name + on);
      }
    }
    for (const off of ["0", "f", "F", "false", "FALSE", "False"]) {
      const { given } = readValues([`-${name}=${off}`], variable ? { [variable]: "true" } : {});
      assert(given.has(name) && !isOn(given.get(name)), `-${name}=${off}`);
    }
    if (variable) assert(isOn(readValues([], { [variable]: "1" }).given.get(name)), variable);
  }
  assertEquals(isOn(undefined), false);
});

Deno.test("readValues() takes -help for -h", () => {
  assert(isOn(readValues(["-help"], {}).given.get("h")));
  assert(isOn(readValues(["--help"], {}).given.get("h")));
});
