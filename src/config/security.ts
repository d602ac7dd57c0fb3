// The shared secret of a cluster, and what is believed without it.
import type { SecurityConfig } from "../options/security.ts";
import { messageOf } from "../core/message_of.ts";
import { nameOf, type Reading } from "./option_reader.ts";
import { secretsIn } from "../host/keyring.ts";

/** A secret that was found, and where. */
export interface FoundSecret {
  readonly text: string;
  /** File or variable, for messages. */
  readonly source: string;
}

/** The security part of the configuration; only the watchdog signs. */
export function readSecurity(
  reading: Reading,
  { counts, found }: { counts: boolean; found: FoundSecret | null },
): SecurityConfig {
  if (!counts) return { sharedSecrets: [] };
  const acceptUnsigned = reading.on("accept-unsigned");
  let sharedSecrets: string[] = [];
  if (found) {
    try {
      sharedSecrets = secretsIn(found.text);
    } catch (error) {
      const problem = messageOf(error);
      reading.need(false, "shared-secret-file", `${found.source}: ${problem}`);
    }
    const roomless = "plain heartbeats have no room for a signature: give up this or the secret";
    reading.need(reading.text("wire") !== "plain", "wire", roomless);
  } else if (!reading.has("shared-secret-file")) {
    const needless = `without a secret (${nameOf("shared-secret-file")}) all are accepted anyway`;
    reading.need(!acceptUnsigned, "accept-unsigned", needless);
  }
  return { sharedSecrets };
}
