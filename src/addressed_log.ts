// With several Elastic IPs in one process every line of one of them says which.
import type { Log } from "./world.ts";

/** A log whose lines begin with the address, after the event word. */
export function addressed(log: Log, elasticIp: string): Log {
  return { write: (severity, event, text) => log.write(severity, event, `${elasticIp}: ${text}`) };
}
