// With several Elastic IPs in one process every line of one of them says which.
import type { Log } from "../world.ts";

/** A log whose lines are all about that address. */
export function addressed(log: Log, elasticIp: string): Log {
  return { write: (severity, event, text) => log.write(severity, event, text, elasticIp) };
}
