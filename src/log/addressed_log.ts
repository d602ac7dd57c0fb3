// With several Elastic IPs in one process, each line about one of them names it.
import type { Log } from "../world.ts";

/** A log that adds that address to every line. */
export function addressed(log: Log, elasticIp: string): Log {
  return { write: (severity, event, text) => log.write(severity, event, text, elasticIp) };
}
