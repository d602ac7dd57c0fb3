// How the process lives among others on its machine.
import { SEVERITIES } from "../core/registry/events.ts";
import { canonicalIp } from "../core/ip.ts";
import { choice, type Option, parsed, plain } from "./option.ts";

/** Where the status is served over HTTP. */
export interface StatusAddress {
  readonly hostname: string;
  readonly port: number;
}

/** How the process lives among others on its machine. */
export const OPERATING = [
  plain({
    name: "config",
    kind: "text",
    variables: ["IF_CONFIG"],
    value: "FILE",
    help: "TOML file with options by their names; flags and variables go before it",
  }),
  plain({
    name: "env-file",
    kind: "text",
    variables: ["IF_ENV_FILE"],
    value: "FILE",
    help: "file of VARIABLE=value lines, read as systemd does; goes before the environment",
  }),
  choice({
    name: "log-format",
    key: "logFormat",
    variables: ["IF_LOG_FORMAT"],
    choices: ["text", "json", "journald"],
    usual: null,
    fallback: "text, as a service of systemd journald",
    help: "json and journald write to standard output",
  }),
  choice({
    name: "log-level",
    key: "logLevel",
    variables: ["IF_LOG_LEVEL"],
    choices: SEVERITIES,
    usual: "info",
    help: "the least severe lines that are written",
    reload: "logLevel",
  }),
  parsed({
    name: "pid-file",
    key: "pidFile",
    variables: ["IF_PID_FILE"],
    value: "FILE",
    help: "file with the process id of the watchdog, locked while it runs",
    read: (reader) => reader.value("pid-file"),
  }),
  parsed({
    name: "listen-status",
    key: "listenStatus",
    variables: ["IF_LISTEN_STATUS"],
    value: "[HOST]:PORT",
    help:
      "serve page, /metrics, /healthz, /readyz and /status.json over HTTP; :PORT on loopback only",
    read(reader): StatusAddress | null {
      const text = reader.value("listen-status");
      if (text === null) return null;
      const match = /^(?:([\d.]+|localhost)|\[([\da-f:.]+)\])?:(\d{1,5})$/i.exec(text);
      const host = (match?.[1] ?? match?.[2] ?? "127.0.0.1").toLowerCase();
      const hostname = host === "localhost" ? "127.0.0.1" : canonicalIp(host);
      const port = Number(match?.[3]);
      const wanted = "[HOST]:PORT with an IP address (IPv6 in brackets) or localhost";
      reader.need(
        hostname !== null && port >= 1 && port <= 65_535,
        "listen-status",
        `${JSON.stringify(text)} is not ${wanted}`,
      );
      return { hostname: hostname ?? "", port };
    },
  }),
] as const satisfies readonly Option[];
