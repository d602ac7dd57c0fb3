// The shared secret of a cluster, and what is accepted without it.
import { SECRET_VARIABLE, type SecurityConfig } from "../options/security.ts";
import { messageOf } from "../core/message_of.ts";
import { type ConfigReader, nameOf } from "./config_reader.ts";
import { secretsIn } from "../host/keyring.ts";

/** A shared secret, and its source. */
export interface FoundSecret {
  readonly text: string;
  /** File or variable, for messages. */
  readonly source: string;
}

/** The security part of the configuration; only the watchdog signs. */
export function readSecurity(
  reader: ConfigReader,
  { counts, found }: { counts: boolean; found: FoundSecret | null },
): SecurityConfig {
  if (!counts) return { sharedSecrets: [] };
  const acceptUnsigned = reader.on("accept-unsigned");
  let sharedSecrets: string[] = [];
  if (found) {
    // A file of its own has the secret exactly as generated, so quotes belong to it.
    if (found.source === SECRET_VARIABLE) reader.needUnquoted(found.text, SECRET_VARIABLE);
    try {
      sharedSecrets = secretsIn(found.text);
    } catch (error) {
      const problem = messageOf(error);
      reader.need(false, "shared-secret-file", `${found.source}: ${problem}`);
    }
    const roomless =
      "the original's 24 bytes have no room for a signature: give up this or the secret";
    reader.need(reader.text("heartbeat-format") !== "original", "heartbeat-format", roomless);
  } else if (!reader.has("shared-secret-file")) {
    const needless = `has no effect without a secret (${
      nameOf("shared-secret-file")
    }), when all are accepted`;
    reader.need(!acceptUnsigned, "accept-unsigned", needless);
  }
  return { sharedSecrets };
}
